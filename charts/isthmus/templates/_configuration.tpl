{{- /* federation.yaml. Who the cluster belongs to is not in it: that comes with the membership. */ -}}
{{- define "isthmus.federation.config" -}}
{{- $values := .Values.federation -}}
cluster: {{ .Values.cluster.name | quote }}
{{- with .Values.cluster.network }}
network: {{ . | quote }}
{{- end }}
stateFolder: /var/lib/isthmus/state/federation
listen: { host: {{ .Values.listenHost | quote }}, port: {{ $values.listenPort }} }
issuer: { host: {{ .Values.listenHost | quote }}, port: {{ $values.issuerPort }} }
admin: { host: 127.0.0.1, port: 15011 }
telemetry: { host: {{ .Values.listenHost | quote }}, port: {{ $values.telemetryPort }} }
limits:
  {{- toYaml $values.limits | nindent 2 }}
servicePorts: { from: {{ .Values.gateway.servicePorts.from }}, to: {{ .Values.gateway.servicePorts.to }} }
kubernetes:
  namespace: {{ .Release.Namespace | quote }}
  folder: /var/lib/isthmus
  {{- if include "isthmus.store.tryout" . }}
  storeUsersSecret: {{ include "isthmus.redisUsers" . }}
  {{- end }}
  gatewayService: {{ include "isthmus.gateway" . }}
  gatewayServiceAccount: {{ include "isthmus.gatewayServiceAccount" . | quote }}
  {{- with .Values.gateway.advertise }}
  advertise: {{ toJson . }}
  {{- end }}
{{- end -}}

{{- /* What `isthmus cluster init` in the pod is told about the store, by the names of its flags. */ -}}
{{- define "isthmus.federation.store" -}}
{{- $secret := include "isthmus.store.secret" . -}}
{{- $redis := .Values.store.redis -}}
store: {{ include "isthmus.store.urls" . }}
{{- if $redis.urls }}
{{- with $redis.sentinelName }}
storeSentinel: {{ . | quote }}
{{- end }}
{{- if $redis.cluster }}
storeCluster: true
{{- end }}
{{- end }}
{{- if $secret }}
{{- with include "isthmus.store.adminUser" . }}
storeAdminUser: {{ . | quote }}
{{- end }}
storeAdminPasswordFile: /etc/isthmus-store/password
{{- if include "isthmus.store.caKey" . }}
storeCa: /etc/isthmus-store/ca.crt
{{- end }}
{{- end }}
{{- end -}}

{{- /* gateway.yaml */ -}}
{{- define "isthmus.gateway.config" -}}
{{- $values := .Values.gateway -}}
{{- $federation := printf "%s.%s.svc" (include "isthmus.federation" .) .Release.Namespace -}}
cluster: {{ .Values.cluster.name | quote }}
stateFolder: /var/lib/isthmus/state/gateway
workers: {{ $values.workers }}
listeners:
  http: { host: {{ .Values.listenHost | quote }}, port: {{ $values.httpPort }} }
  mesh: { host: {{ .Values.listenHost | quote }}, port: {{ $values.meshPort }} }
  {{- if $values.tlsPassthrough.enabled }}
  tlsPassthrough: { host: {{ .Values.listenHost | quote }}, port: {{ $values.tlsPassthrough.port }} }
  {{- end }}
  services: { host: {{ .Values.listenHost | quote }} }
admin: { host: 127.0.0.1, port: 15021 }
telemetry: { host: {{ .Values.listenHost | quote }}, port: {{ $values.telemetryPort }} }
federation:
  address: {{ $federation }}:{{ .Values.federation.listenPort }}
  issuerAddress: {{ $federation }}:{{ .Values.federation.issuerPort }}
  replicas: ['{{ include "isthmus.federationReplicas" . }}.{{ .Release.Namespace }}.svc:{{ .Values.federation.listenPort }}']
kubernetes:
  namespace: {{ .Release.Namespace | quote }}
  tokenFile: /var/run/secrets/isthmus/token
accessLog: { sample: {{ $values.accessLogSample }}, file: '-' }
{{- with $values.limits }}
limits:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.forwarding }}
forwarding:
  {{- toYaml . | nindent 2 }}
{{- end }}
drainDelayMs: {{ int $values.drainDelayMs }}
drainGraceMs: {{ int $values.drainGraceMs }}
{{- end -}}
