/**
 * Disables telemetry. Since 1.29 ONNX Runtime's published builds send usage data to Microsoft and write a device id
 * below ~/.cache, unless this variable is set before the library loads, so import this file first. 0 enables telemetry.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1'
