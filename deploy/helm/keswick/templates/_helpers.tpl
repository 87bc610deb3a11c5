{{- define "keswick.name" -}}
{{- if contains "keswick" .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-keswick" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "keswick.selector" -}}
app.kubernetes.io/name: keswick
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "keswick.labels" -}}
{{ include "keswick.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* kes-config.yml: the values' config, and what the chart itself decides. */}}
{{- define "keswick.config" -}}
{{- $own := dict
  "version" "v1"
  "address" "0.0.0.0:7373"
  "admin" (dict "identity" .Values.admin.identity)
  "tls" (dict "key" "/tls/tls.key" "cert" "/tls/tls.crt")
  "server" (dict "health" (dict "address" "0.0.0.0:7374"))
}}
{{- if .Values.persistence.enabled }}{{ $_ := set $own "keystore" (dict "fs" (dict "path" "/keys/keys")) }}{{ end }}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $own) }}
{{- end }}
