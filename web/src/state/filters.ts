import type { Filter, LabelCondition } from '../api/schema.js'

/** A restriction of the results to photos. Its name is that of its parameter in the address of the page. */
export interface FilterKind {
  name: FilterName
  /** What the chip and the panel call it. */
  title: string
  /** The facet of the API with its values; null: it has none. */
  facet: string | null
  /** Whether several values mean any of them; else a new one takes the place of the former. */
  isMany: boolean
  /** Whether its facet counts under what is chosen of it: several values must all hold, or lie in each other. */
  countsWithin?: boolean
  /** Whether its values can be too many to show, so that one writes them. */
  isWritten?: boolean
  /** The conditions of the API for the chosen values. */
  filters(values: readonly string[]): Filter[]
  /** What a value is called. Default: itself. */
  show?(value: string): string
}

export const FILTER_NAMES = [
  'label',
  'time',
  'country',
  'city',
  'make',
  'camera',
  'iso',
  'orientation',
  'featured',
  'by',
  'keyword',
  'color',
  'collection',
  'folder',
  'near',
] as const
export type FilterName = (typeof FILTER_NAMES)[number]
export type Filters = Partial<Record<FilterName, readonly string[]>>

type Column = Extract<Filter, { operator: 'in' }>['column']

const anyOf =
  (column: Column) =>
  (values: readonly string[]): Filter[] => [{ column, operator: 'in', value: [...values] }]

const ALL_OF = { isMany: true, countsWithin: true, isWritten: true } as const

/** Counts folders of this machine, so only those who may know about it ask for it. */
export const FOLDER_FACET = 'folder'

/** In the order of the panel. */
export const FILTER_KINDS: readonly FilterKind[] = [
  // Labels are conditions of their own; see labelConditions.
  { name: 'label', title: 'Label', facet: null, isMany: true, filters: () => [], show: showLabel },
  {
    name: 'time',
    title: 'Date',
    facet: 'year',
    isMany: false,
    filters: ([value]) => periodFilters(value!),
    show: showPeriod,
  },
  {
    name: 'country',
    title: 'Country',
    facet: 'country',
    isMany: true,
    isWritten: true,
    filters: anyOf('photo_location_country'),
  },
  { name: 'city', title: 'City', facet: 'city', isMany: true, isWritten: true, filters: anyOf('photo_location_city') },
  { name: 'make', title: 'Camera maker', facet: 'camera_make', isMany: true, filters: anyOf('exif_camera_make') },
  { name: 'camera', title: 'Camera', facet: 'camera_model', isMany: true, filters: anyOf('exif_camera_model') },
  { name: 'iso', title: 'ISO', facet: 'iso', isMany: false, filters: ([value]) => isoFilters(value!) },
  {
    name: 'orientation',
    title: 'Orientation',
    facet: 'orientation',
    isMany: false,
    filters: ([value]) => (isOrientation(value) ? [{ orientation: value }] : []),
  },
  {
    name: 'featured',
    title: 'Featured',
    facet: 'featured',
    isMany: false,
    filters: ([value]) => [{ column: 'photo_featured', operator: '=', value: value === 'true' }],
    show: value => (value === 'true' ? 'Featured' : 'Not featured'),
  },
  {
    name: 'by',
    title: 'Photographer',
    facet: 'photographer',
    isMany: true,
    isWritten: true,
    filters: anyOf('photographer_username'),
  },
  { name: 'keyword', title: 'Keyword', facet: 'keyword', ...ALL_OF, filters: each(keyword => ({ keyword })) },
  { name: 'color', title: 'Colour', facet: 'color', ...ALL_OF, filters: each(color => ({ color })) },
  {
    name: 'collection',
    title: 'Collection',
    facet: 'collection',
    ...ALL_OF,
    filters: each(collection => ({ collection })),
  },
  {
    name: 'folder',
    title: 'Folder',
    facet: FOLDER_FACET,
    isMany: false,
    countsWithin: true,
    isWritten: true,
    filters: ([value]) => [{ column: 'photo_image_url', operator: '~', value: value! }],
    show: showFolder,
  },
  {
    name: 'near',
    title: 'Place',
    facet: null,
    isMany: false,
    filters: ([value]) => nearFilters(value!),
    show: showPlace,
  },
]

export const kindOf = (name: FilterName): FilterKind => FILTER_KINDS.find(kind => kind.name === name)!

/** All conditions but those on labels. A value that means nothing restricts nothing. */
export function filterConditions(filters: Filters): Filter[] {
  return FILTER_KINDS.flatMap(kind => {
    const values = filters[kind.name] ?? []
    return values.length > 0 ? kind.filters(values) : []
  })
}

/** Labels are written `SET=LABEL` or `SET=LABEL:SCORE`, as the API writes them. */
export function labelConditions({ label: values = [] }: Filters): LabelCondition[] {
  return values.flatMap(value => {
    const [, set, label, score] = LABEL.exec(value) ?? []
    if (set === undefined || label === undefined) return []
    return [{ set, label, ...(score === undefined ? {} : { min_score: Number(score) }) }]
  })
}

const LABEL = /^([a-z][a-z0-9_]*)=(.+?)(?::(0(?:\.\d+)?|1(?:\.0+)?))?$/
const PERIOD = /^(\d{4}(?:-\d\d){0,2})(?:\.\.(\d{4}(?:-\d\d){0,2}))?$/
const ISO = /^(?:up to (\d+)|over (\d+)|(\d+) to (\d+))$/
const NEAR = /^(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?),(\d+(?:\.\d+)?)$/

function each(make: (value: string) => Filter): FilterKind['filters'] {
  return values => values.map(make)
}

/** `2017`, `2017-05`, `2017-05-09`, or two of them with `..` between: both ends belong to the period. */
function periodFilters(text: string): Filter[] {
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

function isoFilters(text: string): Filter[] {
  const [, most, above, from, to] = ISO.exec(text) ?? []
  if (above !== undefined) return [{ column: 'exif_iso', operator: '>', value: Number(above) }]
  const last = most ?? to
  if (last === undefined) return []
  const first: Filter[] = from === undefined ? [] : [{ column: 'exif_iso', operator: '>=', value: Number(from) }]
  return [...first, { column: 'exif_iso', operator: '<=', value: Number(last) }]
}

function nearFilters(text: string): Filter[] {
  const near = nearOf(text)
  return near ? [{ near }] : []
}

/** The circle of a value `LATITUDE,LONGITUDE,KM`; null: it is none. */
export function nearOf(text: string | undefined): { latitude: number; longitude: number; km: number } | null {
  const [latitude, longitude, km] = (NEAR.exec(text ?? '') ?? []).slice(1).map(Number)
  return latitude === undefined || longitude === undefined || km === undefined ? null : { latitude, longitude, km }
}

/** The first and the last day, month or year of a period; null: it is none. */
export function periodOf(text: string | undefined): { from: string; to: string } | null {
  const [, from, to = from] = PERIOD.exec(text ?? '') ?? []
  return from === undefined || to === undefined ? null : { from, to }
}

function isOrientation(value: string | undefined): value is 'landscape' | 'portrait' | 'square' {
  return value === 'landscape' || value === 'portrait' || value === 'square'
}

function showLabel(value: string): string {
  const [, set = '', label = value, score] = LABEL.exec(value) ?? []
  const name = `${set.replaceAll('_', ' ')}: ${label}`
  return score === undefined ? name : `${name} ≥ ${Math.round(Number(score) * 100)} %`
}

/** The last name of a folder's address. */
function showFolder(value: string): string {
  const name = value.replace(/\/$/, '').split('/').at(-1) || value
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

function showPeriod(value: string): string {
  return value.replace('..', ' – ')
}

function showPlace(value: string): string {
  const near = nearOf(value)
  if (!near) return value
  const angle = (degrees: number, positive: string, negative: string) =>
    `${Math.abs(degrees).toFixed(2)}° ${degrees < 0 ? negative : positive}`
  const { latitude, longitude, km } = near
  return `${km.toLocaleString('en')} km around ${angle(latitude, 'N', 'S')}, ${angle(longitude, 'E', 'W')}`
}
