{{/* The variables of the container: settings of lanes from Secrets, and those in the values. */}}
{{- define "mirrorboard.env" -}}
- name: MIRRORBOARD_CONFIG
  value: /etc/mirrorboard/mirrorboard.yaml
# mirrorboard ends before the kubelet kills it, and stores what it has read.
- name: MIRRORBOARD_SHUTDOWN_GRACE
  value: {{ sub (int .Values.terminationGracePeriodSeconds) 10 | printf "%ds" }}
{{- range $name, $lane := include "mirrorboard.lanes" . | fromJson }}
{{- range $setting, $key := $lane.secretVariables }}
{{- $variable := printf "MIRRORBOARD_%s_%s" $name $setting | upper | replace "-" "_" }}
{{- /* A name in capitals is a variable that settings refer to. */}}
- name: {{ regexMatch "^[A-Z]" $setting | ternary $setting $variable }}
  valueFrom:
    secretKeyRef:
      name: {{ include "mirrorboard.laneSecret" (dict "root" $ "name" $name "lane" $lane) }}
      key: {{ $key | quote }}
{{- end }}
{{- end }}
{{- range $name, $value := .Values.extraEnv }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- with .Values.extraEnvList }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The mounts of every pod: data, configuration, Secrets and logs. */}}
{{- define "mirrorboard.mounts" -}}
- name: data
  mountPath: /var/lib/mirrorboard
- name: tmp
  mountPath: /tmp
- name: config
  mountPath: /etc/mirrorboard
  readOnly: true
{{- range $name, $lane := include "mirrorboard.lanes" . | fromJson }}
{{- if $lane.secretFiles }}
- name: secret-{{ include "mirrorboard.slug" $name }}
  mountPath: /run/secrets/mirrorboard/{{ include "mirrorboard.slug" $name }}
  readOnly: true
{{- end }}
{{- end }}
{{- range $name, $logs := .Values.logs }}
- name: logs-{{ include "mirrorboard.slug" $name }}
  mountPath: {{ include "mirrorboard.mountPath" (dict "name" $name "logs" $logs) }}
  readOnly: true
  {{- with $logs.subPath }}
  subPath: {{ . | quote }}
  {{- end }}
  {{- if $logs.hostPath }}
  # Also shows what the node mounts below it later.
  mountPropagation: HostToContainer
  {{- end }}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The volumes of these mounts, without data. */}}
{{- define "mirrorboard.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ .Values.persistence.tmpSize }}
- name: config
  configMap:
    name: {{ include "mirrorboard.fullname" . }}
{{- range $name, $lane := include "mirrorboard.lanes" . | fromJson }}
{{- if $lane.secretFiles }}
- name: secret-{{ include "mirrorboard.slug" $name }}
  secret:
    secretName: {{ include "mirrorboard.laneSecret" (dict "root" $ "name" $name "lane" $lane) }}
{{- end }}
{{- end }}
{{- if .Values.logs }}
# Read-only here too, not only in the mount: otherwise fsGroup could change the owners of your logs.
{{- end }}
{{- range $name, $logs := .Values.logs }}
- name: logs-{{ include "mirrorboard.slug" $name }}
  {{- if $logs.existingClaim }}
  persistentVolumeClaim:
    claimName: {{ $logs.existingClaim }}
    readOnly: true
  {{- else if $logs.hostPath }}
  hostPath:
    path: {{ $logs.hostPath }}
    type: Directory
  {{- else if $logs.nfs }}
  nfs:
    server: {{ $logs.nfs.server }}
    path: {{ $logs.nfs.path }}
    readOnly: true
  {{- else }}
  csi:
    {{- toYaml (merge (dict "readOnly" true) $logs.csi) | nindent 4 }}
  {{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* A pod template: (dict "root" $ "args" list "probes" bool "data" volume or nil "restartPolicy" text) */}}
{{- define "mirrorboard.podTemplate" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "mirrorboard.selectorLabels" $root | nindent 4 }}
    {{- with $root.Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $sums := dict }}
  {{- if eq $root.Values.reload "restart" }}
  {{- $_ := set $sums "checksum/config" (include "mirrorboard.config" $root | sha256sum) }}
  {{- end }}
  {{- range $name, $lane := include "mirrorboard.lanes" $root | fromJson }}
  {{- if and $lane.secret $lane.secretVariables }}
  {{- $_ := set $sums (printf "checksum/%s" (include "mirrorboard.slug" $name)) (toJson $lane.secret | sha256sum) }}
  {{- end }}
  {{- end }}
  {{- with merge $sums $root.Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "mirrorboard.serviceAccountName" $root }}
  # mirrorboard uses no Kubernetes API.
  automountServiceAccountToken: false
  # A Service called mirrorboard would set MIRRORBOARD_PORT and others, which mirrorboard reads as settings.
  enableServiceLinks: false
  {{- with .restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- toYaml $root.Values.podSecurityContext | nindent 4 }}
  containers:
    - name: mirrorboard
      image: {{ include "mirrorboard.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: {{ concat .args $root.Values.extraArgs | toJson }}
      env:
        {{- if .probes }}
        {{- if $root.Values.service.enabled }}
        - name: POD_NAMESPACE
          valueFrom:
            fieldRef:
              fieldPath: metadata.namespace
        # The endpoints answer to addresses and to these host names.
        - name: MIRRORBOARD_LISTEN_HOST
          value: {{ include "mirrorboard.hosts" $root | quote }}
        {{- end }}
        {{- if eq $root.Values.mode "shards" }}
        # The StatefulSet controller numbers the pods from 0.
        - name: POD_INDEX
          valueFrom:
            fieldRef:
              fieldPath: metadata.labels['apps.kubernetes.io/pod-index']
        {{- end }}
        {{- end }}
        {{- include "mirrorboard.env" $root | nindent 8 }}
      {{- if .probes }}
      ports:
        - name: http
          containerPort: 8080
      # Live: there is progress if there is work. Ready: the state is open and the first scan is complete. Trackers affect neither.
      startupProbe:
        httpGet:
          path: /livez
          port: http
        periodSeconds: 2
        timeoutSeconds: 5
        failureThreshold: {{ div (add (int $root.Values.probes.startupSeconds) 1) 2 }}
      livenessProbe:
        httpGet:
          path: /livez
          port: http
        periodSeconds: 20
        timeoutSeconds: 10
        failureThreshold: {{ $root.Values.probes.livenessFailures }}
      readinessProbe:
        httpGet:
          path: /readyz
          port: http
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      {{- end }}
      resources:
        {{- toYaml $root.Values.resources | nindent 8 }}
      securityContext:
        {{- toYaml $root.Values.containerSecurityContext | nindent 8 }}
      volumeMounts:
        {{- include "mirrorboard.mounts" $root | nindent 8 }}
  volumes:
    {{- with .data }}
    - name: data
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- include "mirrorboard.volumes" $root | nindent 4 }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* The volume of store and state. */}}
{{- define "mirrorboard.data" -}}
{{- if .Values.persistence.enabled }}
persistentVolumeClaim:
  claimName: {{ default (include "mirrorboard.fullname" .) .Values.persistence.existingClaim }}
{{- else }}
emptyDir: {}
{{- end }}
{{- end }}

{{/* The spec of its claim. */}}
{{- define "mirrorboard.claim" -}}
# Use a block volume or a local disk, never NFS or SMB: SQLite needs reliable locks.
accessModes: {{ toJson .Values.persistence.accessModes }}
{{- with .Values.persistence.storageClass }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ .Values.persistence.size }}
{{- end }}
