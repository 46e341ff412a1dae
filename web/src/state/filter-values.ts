import type { Filter, LabelCondition } from '../api/schema.js'

/** How the values of filters are written in the address of the page, and what they mean to the API. */
const MOST_ISO = 2 ** 31 - 1
const MOST_KM = 20_100
const LABEL = /^([a-z][a-z0-9_]*)=(.+?)(?::(0(?:\.\d+)?|1(?:\.0+)?))?$/
const PERIOD = /^(\d{4}(?:-\d\d){0,2})(?:\.\.(\d{4}(?:-\d\d){0,2}))?$/
const ISO = /^(?:up to (\d+)|over (\d+)|(\d+) to (\d+))$/
const NEAR = /^(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?),(\d+(?:\.\d+)?)$/

/** The label of a value `SET=LABEL` or `SET=LABEL:SCORE`, as the API writes them; null: it is none. */
export function labelOf(text: string): LabelCondition | null {
  const [, set, label, score] = LABEL.exec(text) ?? []
  if (set === undefined || label === undefined) return null
  return { set, label, ...(score === undefined ? {} : { min_score: Number(score) }) }
}

/** `2017`, `2017-05`, `2017-05-09`, or two of them with `..` between: both ends belong to the period. */
export function periodFilters(text: string): Filter[] {
  const period = periodOf(text)
  if (!period) return []
  const { from, to } = period
  const first = `${from}-01-01`.slice(0, 10)
  return [
    { column: 'photo_submitted_at', operator: '>=', value: first },
    { column: 'photo_submitted_at', operator: '<', value: dayAfter(to) },
  ]
}

function dayAfter(period: string): string {
  const [year = 0, month, day] = period.split('-').map(Number)
  const date =
    month === undefined
      ? Date.UTC(year + 1, 0, 1)
      : day === undefined
        ? Date.UTC(year, month, 1)
        : Date.UTC(year, month - 1, day + 1)
  return new Date(date).toISOString().slice(0, 10)
}

export function isoFilters(text: string): Filter[] {
  const [, most, above, from, to] = ISO.exec(text) ?? []
  if (Number(above) > MOST_ISO) return []
  if (above !== undefined) return [{ column: 'exif_iso', operator: '>', value: Number(above) }]
  const last = most ?? to
  if (last === undefined || Number(last) > MOST_ISO) return []
  const first: Filter[] = from === undefined ? [] : [{ column: 'exif_iso', operator: '>=', value: Number(from) }]
  return [...first, { column: 'exif_iso', operator: '<=', value: Number(last) }]
}

export function nearFilters(text: string): Filter[] {
  const near = nearOf(text)
  return near ? [{ near }] : []
}

/** The circle of a value `LATITUDE,LONGITUDE,KM`; null: it is none. */
export function nearOf(text: string | undefined): { latitude: number; longitude: number; km: number } | null {
  const [latitude, longitude, km] = (NEAR.exec(text ?? '') ?? []).slice(1).map(Number)
  if (latitude === undefined || longitude === undefined || km === undefined) return null
  return Math.abs(latitude) > 90 || Math.abs(longitude) > 180 || km > MOST_KM ? null : { latitude, longitude, km }
}

/** The first and the last day, month or year of a period; null: it is none. */
export function periodOf(text: string | undefined): { from: string; to: string } | null {
  const [, from, to = from] = PERIOD.exec(text ?? '') ?? []
  if (from === undefined || to === undefined) return null
  return isDay(`${from}-01-01`.slice(0, 10)) && isDay(`${to}-01-01`.slice(0, 10)) ? { from, to } : null
}

/** Whether `YYYY-MM-DD` is in the calendar, with a day after it. */
function isDay(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text) && !/^(0000|9999)/.test(text)
}

export function isOrientation(value: string | undefined): value is 'landscape' | 'portrait' | 'square' {
  return value === 'landscape' || value === 'portrait' || value === 'square'
}

export function showLabel(value: string): string {
  const condition = labelOf(value)
  if (condition === null) return value
  const { set, label, min_score: score } = condition
  const name = `${set.replaceAll('_', ' ')}: ${label}`
  return score === undefined ? name : `${name} ≥ ${Math.round(score * 100)} %`
}

/** The last name of a folder's address. */
export function showFolder(value: string): string {
  const name = value.replace(/\/$/, '').split('/').at(-1) || value
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

export function showPeriod(value: string): string {
  return value.replace('..', ' – ')
}

export function showPlace(value: string): string {
  const near = nearOf(value)
  if (!near) return value
  const angle = (degrees: number, positive: string, negative: string) =>
    `${Math.abs(degrees).toFixed(2)}° ${degrees < 0 ? negative : positive}`
  const { latitude, longitude, km } = near
  return `${km.toLocaleString('en')} km around ${angle(latitude, 'N', 'S')}, ${angle(longitude, 'E', 'W')}`
}
