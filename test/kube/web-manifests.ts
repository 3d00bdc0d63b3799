/** The node port on which `webServer` answers; free to choose, as each cluster has its own. */
export const WEB_NODE_PORT = 30_080;

/** The template of pods that say which pod and which cluster they are. */
function sayingPods(app: string): string {
  return `    metadata: {labels: {app: ${app}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: busybox:1
        command: [sh, -c, 'mkdir /www; echo "hello from $HOSTNAME in $CLUSTER" > /www/index.html; exec httpd -f -p 8080 -h /www']
        env: [{name: CLUSTER, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
        resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 200m, memory: 32Mi}}`;
}

/** A deployment `web` of two pods that say which pod and which cluster they are, and its Service, also on a node port. */
export const webServer = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
${sayingPods('web')}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080, nodePort: ${WEB_NODE_PORT}}]
`;

/** Offers `web` to the clusterset. */
export const webExport = `
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceExport
metadata: {name: web, namespace: default}
`;

/** A new version of `web`, of one pod, beside it and exported under a name of its own. */
export const webCanary = `${webServer
  .replaceAll(/\bweb\b(?=[,}])/g, 'web-canary')
  .replace('replicas: 2', 'replicas: 1')
  .replace('  type: NodePort\n', '')
  .replace(`, nodePort: ${WEB_NODE_PORT}`, '')}---${webExport.replace('name: web', 'name: web-canary')}`;

/** An exported Service without a selector: `manualEndpoints` alone says where it goes. */
export const manualService = `
apiVersion: v1
kind: Service
metadata: {name: manual, namespace: default}
spec:
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceExport
metadata: {name: manual, namespace: default}
`;

/** @param podIp of a pod of `web` */
export function manualEndpoints(podIp: string): string {
  return `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: manual-1, namespace: default, labels: {kubernetes.io/service-name: manual}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints: [{addresses: [${podIp}], conditions: {ready: true}}]
`;
}

/** A headless service of two pods that have names, say them, and are ready after each other; and its export. */
export const namedPods = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: nodes, namespace: default}
spec:
  replicas: 2
  serviceName: nodes
  selector: {matchLabels: {app: nodes}}
  template:
${sayingPods('nodes')}
---
apiVersion: v1
kind: Service
metadata: {name: nodes, namespace: default}
spec:
  clusterIP: None
  selector: {app: nodes}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceExport
metadata: {name: nodes, namespace: default}
`;

/** A pod from which to call others: it has wget and nslookup, and does nothing. */
export const clientPod = `
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: default}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: client, image: busybox:1, command: [sleep, "100000"]}]
`;

/**
 * What a member of a clusterset has for a service of its peer: the ServiceImport, the Service behind its address, and
 * the address behind that (of MCS, KEP-1645). Written by hand, so that DNS and kube-proxy can be tried by themselves.
 */
export function importedWeb(
  clusterIp: string,
  target: { readonly host: string; readonly port: number },
): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: derived-web, namespace: default}
spec:
  clusterIP: ${clusterIp}
  ports: [{name: http, port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: derived-web-peer
  namespace: default
  labels: {kubernetes.io/service-name: derived-web, multicluster.kubernetes.io/service-name: web}
addressType: IPv4
ports: [{name: http, port: ${target.port}, protocol: TCP}]
endpoints: [{addresses: [${target.host}], conditions: {ready: true}}]
---
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceImport
metadata: {name: web, namespace: default}
spec:
  type: ClusterSetIP
  ips: [${clusterIp}]
  ports: [{name: http, port: 80, protocol: TCP}]
`;
}
