{{- define "mirrorboard.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 46 | trimSuffix "-" }}
{{- end }}

{{/* At most 46 characters: a CronJob can have 52, and the chart appends to the names of Services. */}}
{{- define "mirrorboard.fullname" -}}
{{- $name := include "mirrorboard.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 46 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 46 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 46 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "mirrorboard.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mirrorboard.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ eq .Values.mode "backfill" | ternary "backfill" "watch" }}
{{- end }}

{{- define "mirrorboard.labels" -}}
{{ include "mirrorboard.selectorLabels" . }}
app.kubernetes.io/part-of: mirrorboard
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "mirrorboard.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "mirrorboard.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "mirrorboard.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* A name as part of a volume or a directory: the name itself if it is valid there, otherwise with a suffix that makes it unique. */}}
{{- define "mirrorboard.slug" -}}
{{- $slug := regexReplaceAll "[^a-z0-9]+" (lower .) "-" | trimAll "-" }}
{{- if and (eq $slug .) (le (len $slug) 40) }}
{{- $slug }}
{{- else }}
{{- printf "%s-%s" ($slug | trunc 40) (sha256sum . | trunc 8) | trimPrefix "-" }}
{{- end }}
{{- end }}

{{/* The mount path of a log directory: (dict "name" … "logs" …) */}}
{{- define "mirrorboard.mountPath" -}}
{{- default (printf "/logs/%s" (include "mirrorboard.slug" .name)) .logs.mountPath }}
{{- end }}

{{/* The enabled lanes, as JSON. */}}
{{- define "mirrorboard.lanes" -}}
{{- $lanes := dict }}
{{- range $name, $lane := .Values.lanes }}
{{- $lane = default dict $lane }}
{{- if ne (get $lane "enabled" | toString) "false" }}
{{- $_ := set $lanes $name $lane }}
{{- end }}
{{- end }}
{{- toJson $lanes }}
{{- end }}

{{/* "yes" if a lane leads to a tracker. */}}
{{- define "mirrorboard.hasTrackers" -}}
{{- if omit (include "mirrorboard.lanes" . | fromJson) "local" }}yes{{ end }}
{{- end }}

{{/* The Secret of a lane: (dict "root" $ "name" … "lane" …) */}}
{{- define "mirrorboard.laneSecret" -}}
{{- if .lane.existingSecret }}
{{- .lane.existingSecret }}
{{- else }}
{{- printf "%s-%s" (include "mirrorboard.fullname" .root) (include "mirrorboard.slug" .name) }}
{{- end }}
{{- end }}

{{/* The configuration file. */}}
{{- define "mirrorboard.config" -}}
{{- $roots := list }}
{{- range $name, $logs := .Values.logs }}
{{- $logs = default dict $logs }}
{{- $root := dict "path" (include "mirrorboard.mountPath" (dict "name" $name "logs" $logs)) "name" $name }}
{{- $roots = append $roots (merge $root (default dict $logs.root)) }}
{{- end }}
{{- $lanes := dict }}
{{- range $name, $lane := include "mirrorboard.lanes" . | fromJson }}
{{- $settings := deepCopy (default dict $lane.settings) }}
{{- if $lane.type }}
{{- $_ := set $settings "type" $lane.type }}
{{- end }}
{{- range $setting, $key := $lane.secretFiles }}
{{- $_ := set $settings $setting (printf "/run/secrets/mirrorboard/%s/%s" (include "mirrorboard.slug" $name) $key) }}
{{- end }}
{{- $_ := set $lanes $name $settings }}
{{- end }}
{{- $config := dict "roots" $roots "lanes" $lanes }}
{{- if eq .Values.reload "restart" }}
{{- /* The pods restart, so the old ones must not reload the file first. */}}
{{- $_ := set $config "reload" "signal" }}
{{- end }}
{{- toYaml (merge $config .Values.config) }}
{{- end }}

{{/* The host names of the Service: mirrorboard refuses requests for others. */}}
{{- define "mirrorboard.hosts" -}}
{{- $service := include "mirrorboard.fullname" . }}
{{- $hosts := list $service }}
{{- range list "$(POD_NAMESPACE)" "$(POD_NAMESPACE).svc" (printf "$(POD_NAMESPACE).svc.%s" .Values.clusterDomain) }}
{{- $hosts = append $hosts (printf "%s.%s" $service .) }}
{{- end }}
{{- if eq .Values.mode "shards" }}
{{- $hosts = append $hosts (printf ".%s-pods.$(POD_NAMESPACE).svc.%s" $service .Values.clusterDomain) }}
{{- end }}
{{- if .Values.ingress.enabled }}
{{- $hosts = concat $hosts .Values.ingress.hosts }}
{{- end }}
{{- join "," $hosts }}
{{- end }}

{{/* Errors in the values that a schema can not find. */}}
{{- define "mirrorboard.check" -}}
{{- if not .Values.logs }}
{{- fail "logs is empty: add a log directory, such as --set logs.vision.existingClaim=tensorboard-logs" }}
{{- end }}
{{- $lanes := include "mirrorboard.lanes" . | fromJson }}
{{- if not $lanes }}
{{- fail "lanes has no enabled lane: enable local, or add a tracker" }}
{{- end }}
{{- $known := .Files.Get "settings.yaml" | fromYaml }}
{{- range $name, $lane := $lanes }}
{{- $settings := default dict $lane.settings }}
{{- $type := coalesce $lane.type $settings.type $name }}
{{- if and (eq $type $name) (not $lane.type) (not (hasKey $known.types $type)) (ne $type "local") }}
{{- fail (printf "lanes.%s has no type: set lanes.%s.type to mlflow, wandb, clearml, aim, trackio or parquet, or to a package of your own" $name $name) }}
{{- end }}
{{- with get $known.types $type }}
{{- $names := concat . $known.common }}
{{- range $part := list "settings" "secretFiles" "secretVariables" }}
{{- range $setting, $_ := default dict (get $lane $part) }}
{{- if not (or (has $setting $names) (and (eq $part "secretVariables") (regexMatch "^[A-Z]" $setting))) }}
{{- fail (printf "lanes.%s.%s.%s is not a setting of %s, expected one of %s" $name $part $setting $type (join ", " $names)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if and (or $lane.secretFiles $lane.secretVariables) (not (or $lane.existingSecret $lane.secret)) }}
{{- fail (printf "lanes.%s needs a Secret for secretFiles and secretVariables: set lanes.%s.existingSecret" $name $name) }}
{{- end }}
{{- end }}
{{- if and (eq .Values.mode "shards") .Values.persistence.existingClaim }}
{{- fail "persistence.existingClaim is one claim, but each shard needs its own: leave it empty in mode shards" }}
{{- end }}
{{- if and .Values.ingress.enabled (or (not .Values.service.enabled) (eq .Values.mode "backfill")) }}
{{- fail "ingress.enabled requires service.enabled, and mode single or shards" }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
{{- fail "ingress.enabled requires a host name: set ingress.hosts" }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled (or (not .Values.service.enabled) (eq .Values.mode "backfill")) }}
{{- fail "serviceMonitor.enabled requires service.enabled, and mode single or shards" }}
{{- end }}
{{- if eq .Values.mode "shards" }}
{{- $running := lookup "apps/v1" "StatefulSet" .Release.Namespace (include "mirrorboard.fullname" .) }}
{{- if and $running $running.spec.replicas }}
{{- if ne (int $running.spec.replicas) (int .Values.shards.count) }}
{{- if not .Values.paused }}
{{- $found := printf "shards.count is %d, but %d shards are running" (int .Values.shards.count) (int $running.spec.replicas) }}
{{- $hint := "Set paused=true first, then split the state; docs/deployment.md has the steps" }}
{{- fail (printf "%s: two of them could mirror the same run. %s" $found $hint) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
