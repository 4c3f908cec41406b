{{/* The configuration file of the server. */}}
{{- define "drifting.settings" -}}
{{- $own := dict
    "host" "0.0.0.0"
    "port" 8080
    "cache_path" "/data/cache"
    "drain_delay" (printf "%ds" (int .Values.drainDelaySeconds))
    "shutdown_timeout" (printf "%ds" (int .Values.shutdownTimeoutSeconds)) }}
{{- $_ := set $own "artifacts_path" (default "/data/projects" .Values.store.path) }}
{{- with .Values.store.endpoint }}{{ $_ := set $own "artifacts_endpoint" . }}{{ end }}
{{- with .Values.store.region }}{{ $_ := set $own "artifacts_region" . }}{{ end }}
{{- with .Values.database.uri }}{{ $_ := set $own "database_uri" . }}{{ end }}
{{- if .Values.database.passwordSecret.name }}{{ $_ := set $own "database_password_file" "/etc/drifting/database/password" }}{{ end }}
{{- if .Values.auth.keysSecret.name }}{{ $_ := set $own "api_keys_file" "/etc/drifting/keys/keys.yaml" }}{{ end }}
{{- if .Values.auth.insecure }}{{ $_ := set $own "insecure_no_auth" true }}{{ end }}
{{- if .Values.tls.secretName }}
{{- $_ := set $own "tls_cert" "/etc/drifting/tls/tls.crt" }}
{{- $_ := set $own "tls_key" "/etc/drifting/tls/tls.key" }}
{{- end }}
{{- if .Values.tls.clientCaSecret }}{{ $_ := set $own "tls_client_ca" "/etc/drifting/client-ca/ca.crt" }}{{ end }}
{{- $_ := set $own "grpc_port" (ternary 8081 "none" .Values.grpc.enabled) }}
{{- toYaml (merge $own .Values.config) }}
{{- end }}
