// Package otlp writes spans as OpenTelemetry's file exporter does: OTLP's JSON (opentelemetry-proto 1, trace/v1), one TracesData on a
// line. It knows the W3C's traceparent (Trace Context, level 1).
package otlp
