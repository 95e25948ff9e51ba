{{/* A pod's name is the instance of its worker: no dots, and with both suffixes at most 63 characters. */}}
{{- define "imsworker.name" -}}
{{- $name := ternary .Release.Name (printf "%s-imsworker" .Release.Name) (contains "imsworker" .Release.Name) -}}
{{- $name | replace "." "-" | trunc 44 | trimSuffix "-" -}}
{{- end }}

{{- define "imsworker.selector" -}}
app.kubernetes.io/name: imsworker
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: worker
{{- end }}

{{- define "imsworker.labels" -}}
app.kubernetes.io/name: imsworker
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ regexReplaceAll "[^A-Za-z0-9_.-]" .Values.image.tag "-" | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/part-of: imsworker
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "imsworker.image" -}}
{{- with .Values.image }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}{{ end -}}
{{- end }}

{{- define "imsworker.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "imsworker.name" .) "default" .Values.serviceAccount.create) -}}
{{- end }}

{{/* What the restricted pod security standard asks for, and a root nobody writes to. */}}
{{- define "imsworker.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "imsworker.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* How the broker is entered and what its streams are: the same for the workers and the job, but for who enters. Called
     with a dict of root and user. */}}
{{- define "imsworker.brokerEnv" -}}
{{- $v := .root.Values -}}
- name: IMSWORKER_NATS_URL
  value: {{ $v.broker.url | quote }}
{{- with .user }}
{{- if .nkey.secret }}
- name: IMSWORKER_NATS_NKEY
  value: /etc/imsworker/broker/{{ .nkey.key }}
{{- else if .credentials.secret }}
- name: IMSWORKER_NATS_CREDS
  value: /etc/imsworker/broker/{{ .credentials.key }}
{{- else if .password.secret }}
- name: IMSWORKER_NATS_USER_FILE
  value: /etc/imsworker/broker/{{ .password.nameKey }}
- name: IMSWORKER_NATS_PASSWORD_FILE
  value: /etc/imsworker/broker/{{ .password.passwordKey }}
{{- end }}
{{- with .inboxPrefix }}
- name: IMSWORKER_NATS_INBOX_PREFIX
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- with $v.broker.tls }}
{{- if .secret }}
{{- if .ca }}
- name: IMSWORKER_NATS_CA
  value: /etc/imsworker/tls/{{ .ca }}
{{- end }}
{{- if .certificate }}
- name: IMSWORKER_NATS_CERT
  value: /etc/imsworker/tls/{{ .certificate }}
- name: IMSWORKER_NATS_KEY
  value: /etc/imsworker/tls/{{ .key }}
{{- end }}
{{- end }}
{{- end }}
{{- with $v.broker.jsDomain }}
- name: IMSWORKER_NATS_JS_DOMAIN
  value: {{ . | quote }}
{{- end }}
- name: IMSWORKER_SHARDS
  value: {{ $v.shards | quote }}
{{- if $v.streamReplicas }}
- name: IMSWORKER_STREAM_REPLICAS
  value: {{ $v.streamReplicas | quote }}
{{- end }}
- name: IMSWORKER_EVENTS_MAX_AGE
  value: {{ $v.eventsMaxAge | quote }}
{{- if $v.notify.secret }}
- name: IMSWORKER_NOTIFY_URL_FILE
  value: /etc/imsworker/notify/{{ $v.notify.key }}
{{- end }}
- name: IMSWORKER_LOG_LEVEL
  value: {{ $v.logLevel | quote }}
- name: IMSWORKER_LOG_FORMAT
  value: json
{{- end }}

{{/* A whole number is a fraction to helm, which writes millions with an exponent. */}}
{{- define "imsworker.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end }}

{{/* Ports that workers call: those that are given, and those in the broker's addresses, which need not be told twice. */}}
{{- define "imsworker.portsOut" -}}
{{- $ports := list -}}
{{- range .Values.networkPolicy.brokerPorts }}{{ $ports = append $ports (int .) }}{{ end -}}
{{- range splitList "," .Values.broker.url -}}
{{- with regexFind ":[0-9]+$" (trimSuffix "/" (trim .)) }}{{ $ports = append $ports (trimPrefix ":" . | int) }}{{ end -}}
{{- end -}}
{{- range .Values.networkPolicy.cloudPorts }}{{ $ports = append $ports (int .) }}{{ end -}}
{{- toJson (uniq $ports) -}}
{{- end }}

{{- define "imsworker.userSecret" -}}
{{- .nkey.secret | default .credentials.secret | default .password.secret -}}
{{- end }}

{{/* Directories, never single files: a changed Secret swaps a link, which a mount of one file would not see. */}}
{{- define "imsworker.brokerMounts" -}}
{{- if include "imsworker.userSecret" .user }}
- name: broker
  mountPath: /etc/imsworker/broker
  readOnly: true
{{- end }}
{{- if .root.Values.broker.tls.secret }}
- name: tls
  mountPath: /etc/imsworker/tls
  readOnly: true
{{- end }}
{{- if .root.Values.notify.secret }}
- name: notify
  mountPath: /etc/imsworker/notify
  readOnly: true
{{- end }}
{{- end }}

{{- define "imsworker.brokerVolumes" -}}
{{- with include "imsworker.userSecret" .user }}
- name: broker
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- with .root.Values.broker.tls.secret }}
- name: tls
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- with .root.Values.notify.secret }}
- name: notify
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- end }}

{{/* What the schema cannot say, since it compares two values. Each sentence names what to change. */}}
{{- define "imsworker.validate" -}}
{{- $v := .Values -}}
{{- range $where, $user := dict "broker.user" $v.broker.user "streams.user" $v.streams.user -}}
{{- if gt (len (compact (list $user.nkey.secret $user.credentials.secret $user.password.secret))) 1 -}}
{{- fail (printf "%s has more than one way to enter the broker (nkey, credentials, password): give only one of them" $where) -}}
{{- end -}}
{{- end -}}
{{- if ne (empty $v.broker.tls.certificate) (empty $v.broker.tls.key) -}}
{{- fail "broker.tls.certificate and broker.tls.key belong together: give the names of both keys of the Secret, or of none" -}}
{{- end -}}
{{- if and $v.broker.tls.certificate (not $v.broker.tls.secret) -}}
{{- fail "broker.tls.certificate is given without broker.tls.secret, the Secret that holds it: name it, or leave both keys out" -}}
{{- end -}}
{{- if and (not $v.keda.enabled) (gt (int $v.replicas) (int $v.shards)) -}}
{{- fail (printf "replicas is %d, more than shards, %d: the others would have nothing to do" (int $v.replicas) (int $v.shards)) -}}
{{- end -}}
{{- if $v.keda.enabled -}}
{{- if gt (int $v.keda.maxReplicas) (int $v.shards) -}}
{{- fail (printf "keda.maxReplicas is %d, more than shards, %d: the others would have nothing to do" (int $v.keda.maxReplicas) (int $v.shards)) -}}
{{- end -}}
{{- if gt (int $v.keda.minReplicas) (int $v.keda.maxReplicas) -}}
{{- fail (printf "keda.minReplicas is %d, more than keda.maxReplicas, %d" (int $v.keda.minReplicas) (int $v.keda.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- if and $v.hooks.enabled (eq (int $v.hooks.port) 8080) -}}
{{- fail "hooks.port is 8080, where the worker serves its metrics: give the hooks another port" -}}
{{- end -}}
{{- if and $v.hooks.enabled (eq (int $v.hooks.port) (int $v.service.port)) -}}
{{- fail (printf "hooks.port and service.port are both %d, and one Service has both: give one of them another port" (int $v.hooks.port)) -}}
{{- end -}}
{{- end }}
