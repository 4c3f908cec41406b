{{/* A probe. The kubelet calls the pod by its address, which a server with names of its own refuses, and shows no certificate. */}}
{{- define "drifting.probe" -}}
{{- $root := .root }}
{{- if $root.Values.tls.clientCaSecret }}
tcpSocket:
  port: http
{{- else }}
httpGet:
  path: {{ .path }}
  port: http
  scheme: {{ include "drifting.scheme" $root | upper }}
  {{- with $root.Values.config.allowed_hosts }}
  httpHeaders:
    - name: Host
      value: {{ first . | quote }}
  {{- end }}
{{- end }}
{{ toYaml .settings }}
{{- end }}

{{/* The template of the pods of a component: "writer" or "reader". */}}
{{- define "drifting.pod" -}}
{{- $root := .root }}
{{- $component := .component }}
{{- with $root }}
metadata:
  annotations:
    # A change of the settings starts the pod anew; secrets that are mounted are read again by the server itself.
    checksum/config: {{ include "drifting.settings" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "drifting.labels" . | nindent 4 }}
    app.kubernetes.io/component: {{ $component }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "drifting.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  terminationGracePeriodSeconds: {{ add .Values.drainDelaySeconds .Values.shutdownTimeoutSeconds .Values.stopMarginSeconds }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if eq $component "reader" }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "drifting.selector" . | nindent 10 }}
          app.kubernetes.io/component: reader
  {{- end }}
  containers:
    - name: drifting
      image: {{ include "drifting.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve]
      env:
        - name: DRIFTING_CONFIG
          value: /etc/drifting/settings/drifting.yaml
        {{- if eq $component "reader" }}
        - name: DRIFTING_READ_ONLY
          value: "true"
        {{- end }}
        {{- with .Values.auth.keySecret }}
        {{- if .name }}
        - name: DRIFTING_API_KEY
          valueFrom:
            secretKeyRef:
              name: {{ .name }}
              key: {{ .key }}
        {{- end }}
        {{- end }}
        {{- with .Values.database.uriSecret }}
        {{- if .name }}
        - name: DRIFTING_DATABASE_URI
          valueFrom:
            secretKeyRef:
              name: {{ .name }}
              key: {{ .key }}
        {{- end }}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if or .Values.store.credentialsSecret .Values.extraEnvFrom }}
      envFrom:
        {{- with .Values.store.credentialsSecret }}
        - secretRef:
            name: {{ . }}
        {{- end }}
        {{- with .Values.extraEnvFrom }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      ports:
        - name: http
          containerPort: 8080
        {{- if .Values.grpc.enabled }}
        - name: grpc
          containerPort: 8081
        {{- end }}
      startupProbe:
        {{- include "drifting.probe" (dict "root" . "path" "/livez" "settings" .Values.probes.startup) | trim | nindent 8 }}
      livenessProbe:
        {{- include "drifting.probe" (dict "root" . "path" "/livez" "settings" .Values.probes.liveness) | trim | nindent 8 }}
      readinessProbe:
        {{- include "drifting.probe" (dict "root" . "path" "/readyz" "settings" .Values.probes.readiness) | trim | nindent 8 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      {{- $resources := ternary (default .Values.resources .Values.readers.resources) .Values.resources (eq $component "reader") }}
      {{- with $resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: data
          mountPath: /data
        - name: tmp
          mountPath: /tmp
        - name: settings
          mountPath: /etc/drifting/settings
          readOnly: true
        {{- if .Values.auth.keysSecret.name }}
        - name: keys
          mountPath: /etc/drifting/keys
          readOnly: true
        {{- end }}
        {{- if .Values.database.passwordSecret.name }}
        - name: database
          mountPath: /etc/drifting/database
          readOnly: true
        {{- end }}
        {{- if .Values.tls.secretName }}
        - name: tls
          mountPath: /etc/drifting/tls
          readOnly: true
        {{- end }}
        {{- if .Values.tls.clientCaSecret }}
        - name: client-ca
          mountPath: /etc/drifting/client-ca
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    {{- if eq (include "drifting.store" .) "volume" }}
    {{- with .Values.store.persistence.existingClaim }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ . }}
    {{- end }}
    {{- else }}
    - name: data
      emptyDir:
        sizeLimit: {{ .Values.store.cacheSizeLimit }}
    {{- end }}
    - name: tmp
      emptyDir:
        sizeLimit: 1Gi
    - name: settings
      configMap:
        name: {{ include "drifting.fullname" . }}
    {{- with .Values.auth.keysSecret }}
    {{- if .name }}
    - name: keys
      secret:
        secretName: {{ .name }}
        defaultMode: 0440
        items:
          - key: {{ .key }}
            path: keys.yaml
    {{- end }}
    {{- end }}
    {{- with .Values.database.passwordSecret }}
    {{- if .name }}
    - name: database
      secret:
        secretName: {{ .name }}
        defaultMode: 0440
        items:
          - key: {{ .key }}
            path: password
    {{- end }}
    {{- end }}
    {{- with .Values.tls.secretName }}
    - name: tls
      secret:
        secretName: {{ . }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.tls.clientCaSecret }}
    - name: client-ca
      secret:
        secretName: {{ . }}
        defaultMode: 0440
        items:
          - key: ca.crt
            path: ca.crt
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end }}
