{{- /* Text = the chart runs a Redis of its own. */ -}}
{{- define "isthmus.store.tryout" -}}
{{- include "isthmus.enabled" (dict "value" .Values.store.tryout.enabled "found" (empty .Values.store.redis.urls)) -}}
{{- end -}}

{{- /* Addresses of the nodes, the first of which is where other clusters find a NodePort. None without a cluster (helm template). */ -}}
{{- define "isthmus.store.nodeAddresses" -}}
{{- $internal := list -}}
{{- $external := list -}}
{{- range $node := (lookup "v1" "Node" "" "").items -}}
{{- range $node.status.addresses -}}
{{- if eq .type "InternalIP" -}}{{- $internal = append $internal .address -}}{{- end -}}
{{- if eq .type "ExternalIP" -}}{{- $external = append $external .address -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- concat $internal $external | uniq | join "," -}}
{{- end -}}

{{- /* HOST:PORT at which this and other clusters reach the try-out Redis. */ -}}
{{- define "isthmus.store.tryoutAddress" -}}
{{- $tryout := .Values.store.tryout -}}
{{- if $tryout.advertise -}}
{{- $tryout.advertise -}}
{{- else -}}
{{- $nodes := include "isthmus.store.nodeAddresses" . -}}
{{- if and (eq $tryout.service.type "NodePort") $nodes -}}
{{- $host := splitList "," $nodes | first -}}
{{- if contains ":" $host -}}[{{ $host }}]{{- else -}}{{ $host }}{{- end -}}:{{ $tryout.service.nodePort }}
{{- else -}}
{{ include "isthmus.redis" . }}.{{ .Release.Namespace }}.svc:6379
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "isthmus.store.urls" -}}
{{- if .Values.store.redis.urls -}}
{{- .Values.store.redis.urls | toJson -}}
{{- else if include "isthmus.store.tryout" . -}}
{{- list (printf "rediss://%s" (include "isthmus.store.tryoutAddress" .)) | toJson -}}
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{- /* The Secret that holds the store's password and authority, and the keys in it; empty = none. */ -}}
{{- define "isthmus.store.secret" -}}
{{- if .Values.store.redis.urls -}}
{{- .Values.store.redis.existingSecret -}}
{{- else if include "isthmus.store.tryout" . -}}
{{- include "isthmus.redis" . -}}
{{- end -}}
{{- end -}}
{{- define "isthmus.store.passwordKey" -}}
{{- if .Values.store.redis.urls -}}{{ .Values.store.redis.passwordKey }}{{- else -}}password{{- end -}}
{{- end -}}
{{- define "isthmus.store.caKey" -}}
{{- if .Values.store.redis.urls -}}{{ .Values.store.redis.caKey }}{{- else -}}ca.crt{{- end -}}
{{- end -}}
{{- define "isthmus.store.adminUser" -}}
{{- if .Values.store.redis.urls -}}{{ .Values.store.redis.adminUser }}{{- else -}}isthmus-admin{{- end -}}
{{- end -}}

{{- define "isthmus.store.configuration" -}}
port 0
tls-port 6379
tls-cert-file /etc/redis-secret/tls.crt
tls-key-file /etc/redis-secret/tls.key
tls-ca-cert-file /etc/redis-secret/ca.crt
# Clients show who they are by user and password.
tls-auth-clients no
protected-mode no
dir /data
aclfile /data/users.acl
# A cache: what is lost here is written again.
save ""
appendonly no
maxmemory {{ .Values.store.tryout.maxMemory }}
maxmemory-policy noeviction
{{- end -}}
