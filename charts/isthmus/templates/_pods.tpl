{{- /* What every pod of the chart has: by default the restricted pod security standard. */ -}}
{{- define "isthmus.podSecurity" -}}
{{- toYaml .Values.podSecurityContext -}}
{{- end -}}

{{- define "isthmus.containerSecurity" -}}
{{- toYaml .Values.containerSecurityContext -}}
{{- end -}}

{{- /* Where pods go. Takes (dict "root" $ "component" C "values" its values). */ -}}
{{- define "isthmus.placement" -}}
{{- with .values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .values.topologySpread }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "isthmus.selectorLabels" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* Probes of a port that serves /healthz and /readyz. */ -}}
{{- define "isthmus.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: telemetry }
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: { path: /healthz, port: telemetry }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: telemetry }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{- /*
Takes federation's values. By itself Node gives its heap half of the container's memory, too little for what 1Gi is meant for;
beside the heap are code, buffers, and the commands that are run in the pod.
*/ -}}
{{- define "isthmus.federationEnv" -}}
{{- $own := false -}}
{{- range .extraEnv }}{{ if eq .name "NODE_OPTIONS" }}{{ $own = true }}{{ end }}{{ end -}}
{{- if and (dig "limits" "memory" "" (.resources | default dict)) (not $own) }}
- name: NODE_OPTIONS
  value: --max-old-space-size-percentage=60
{{- end }}
{{- with .extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
