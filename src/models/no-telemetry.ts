/**
 * Since 1.29 ONNX Runtime's published builds send usage data to Microsoft and write a device id below ~/.cache, unless this is
 * set before the library is loaded: so this file is imported before it. Who wants to send them sets the variable to 0.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1'
