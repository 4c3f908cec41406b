{{- define "drifting.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "drifting.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 54 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 54 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "drifting.selector" -}}
app.kubernetes.io/name: {{ include "drifting.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "drifting.labels" -}}
{{ include "drifting.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "drifting.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "drifting.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "drifting.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end }}
{{- end }}

{{/* Where the projects are: "volume", "bucket" or "memory". */}}
{{- define "drifting.store" -}}
{{- if not .Values.store.path }}volume{{ else if hasPrefix "memory:" .Values.store.path }}memory{{ else }}bucket{{ end }}
{{- end }}

{{- define "drifting.scheme" -}}
{{- ternary "https" "http" (not (empty .Values.tls.secretName)) }}
{{- end }}

{{/* What is wrong between values, which their schema cannot tell. */}}
{{- define "drifting.check" -}}
{{- $auth := or .Values.auth.keysSecret.name .Values.auth.keySecret.name .Values.auth.insecure .Values.config.jwt_issuer }}
{{- if not $auth }}
{{- fail "beyond loopback the server needs keys: name a secret in auth.keysSecret or auth.keySecret, or an issuer in config.jwt_issuer; auth.insecure opens it to whoever reaches it" }}
{{- end }}
{{- if and .Values.readers.enabled (ne (include "drifting.store" .) "bucket") }}
{{- fail "readers need a store that several pods reach: name a bucket in store.path" }}
{{- end }}
{{- if and .Values.database.uri .Values.database.uriSecret.name }}
{{- fail "the database is named twice: database.uri or database.uriSecret" }}
{{- end }}
{{- if and .Values.tls.clientCaSecret (not .Values.tls.secretName) }}
{{- fail "tls.clientCaSecret needs tls.secretName" }}
{{- end }}
{{- end }}
