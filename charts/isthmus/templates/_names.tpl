{{- define "isthmus.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "isthmus.federation" -}}{{ include "isthmus.fullname" . }}-federation{{- end -}}
{{- define "isthmus.federationReplicas" -}}{{ include "isthmus.federation" . }}-replicas{{- end -}}
{{- define "isthmus.gateway" -}}{{ include "isthmus.fullname" . }}-gateway{{- end -}}
{{- define "isthmus.redis" -}}{{ include "isthmus.fullname" . }}-redis{{- end -}}
{{- /* The Secret in which the federation service keeps the try-out store's users, without their passwords. */ -}}
{{- define "isthmus.redisUsers" -}}{{ include "isthmus.redis" . }}-users{{- end -}}

{{- /* For objects of the whole cluster: two releases in two namespaces must not have the same. */ -}}
{{- define "isthmus.clusterWideName" -}}{{ .Release.Namespace }}-{{ include "isthmus.fullname" . }}{{- end -}}

{{- define "isthmus.federationServiceAccount" -}}
{{- .Values.federation.serviceAccount.name | default (include "isthmus.federation" .) -}}
{{- end -}}
{{- define "isthmus.gatewayServiceAccount" -}}
{{- .Values.gateway.serviceAccount.name | default (include "isthmus.gateway" .) -}}
{{- end -}}

{{- /* What never changes over a component's life. Takes (dict "root" $ "component" "gateway"). */ -}}
{{- define "isthmus.selectorLabels" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "isthmus.labels" -}}
{{ include "isthmus.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: isthmus
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Takes (dict "image" .Values.image "tag" the default tag). A digest wins over the tag. */ -}}
{{- define "isthmus.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .tag }}
{{- end -}}
{{- end -}}

{{- define "isthmus.program" -}}
{{ include "isthmus.image" (dict "image" .Values.image "tag" .Chart.AppVersion) }}
{{- end -}}

{{- /* Text = the image has a name that no registry has, so nodes must have it: no repository of a user is without a `/`. */ -}}
{{- define "isthmus.imageOnNodes" -}}
{{- if and (not (contains "/" .Values.image.repository)) (ne .Values.image.pullPolicy "Always") -}}yes{{- end -}}
{{- end -}}

{{- /*
cluster.yaml of the membership that the cluster has; empty = none, or no cluster to ask (helm template). It is YAML 1.2, and
Helm reads 1.1, where a name such as `no` or `on` would be a truth value.
*/ -}}
{{- define "isthmus.member" -}}
{{- $text := dig "data" "cluster.yaml" "" (lookup "v1" "Secret" .Release.Namespace "isthmus-membership" | default dict) | b64dec -}}
{{- regexReplaceAll "(?m)^(cluster|storeAdmin): ([\\w.-]+)$" $text "${1}: \"${2}\"" -}}
{{- end -}}

{{- /* A value that is null stands for what is found out: (dict "value" V "found" true or false). Empty text = no. */ -}}
{{- define "isthmus.enabled" -}}
{{- if kindIs "bool" .value -}}
{{- if .value -}}yes{{- end -}}
{{- else -}}
{{- if .found -}}yes{{- end -}}
{{- end -}}
{{- end -}}
