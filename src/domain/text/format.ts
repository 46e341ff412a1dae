/** 12345 → 12,345 */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US')
}

/** 1, photo → 1 photo; 12345, photo → 12,345 photos */
export function formatQuantity(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`
}

/** 75 → 1 min 15 s */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 59.5) return `${Math.round(seconds)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']

/** 1,234,567 → 1.2 MB. @param decimals default: one below 10, none above */
export function formatBytes(bytes: number, decimals?: number): string {
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1)
  const value = bytes / 1000 ** step
  return `${step === 0 ? bytes : value.toFixed(decimals ?? (value < 10 ? 1 : 0))} ${UNITS[step]}`
}
