import type { Filter, LabelCondition } from '../api/schema.js'
import {
  isOrientation,
  isoFilters,
  labelOf,
  nearFilters,
  nearOf,
  periodFilters,
  periodOf,
  showFolder,
  showLabel,
  showPeriod,
  showPlace,
} from './filter-values.js'

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
  /** What a value has to be; none: any text. Links are written by hand, too. */
  expected?: { text: string; holds(value: string): boolean }
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

/** Characters of a value that the API takes. */
const LONGEST = 1000

type Column = Extract<Filter, { operator: 'in' }>['column']

const anyOf =
  (column: Column) =>
  (values: readonly string[]): Filter[] => [{ column, operator: 'in', value: [...values] }]

const each =
  (make: (value: string) => Filter) =>
  (values: readonly string[]): Filter[] =>
    values.map(make)

const ALL_OF = { isMany: true, countsWithin: true, isWritten: true } as const

/** Counts folders of this machine, so only those who may know about it ask for it. */
export const FOLDER_FACET = 'folder'

/** In the order of the panel. */
export const FILTER_KINDS: readonly FilterKind[] = [
  // Labels are conditions of their own; see labelConditions.
  {
    name: 'label',
    title: 'Label',
    facet: null,
    isMany: true,
    expected: {
      text: 'SET=LABEL or SET=LABEL:SCORE, such as taken_time=night:0.5',
      holds: value => labelOf(value) !== null,
    },
    filters: () => [],
    show: showLabel,
  },
  {
    name: 'time',
    title: 'Date',
    facet: 'year',
    isMany: false,
    expected: {
      text: 'a year, a month or a day, such as 2017-05, or two of them with .. between',
      holds: value => periodOf(value) !== null,
    },
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
  {
    name: 'iso',
    title: 'ISO',
    facet: 'iso',
    isMany: false,
    expected: { text: '“up to 100”, “100 to 200” or “over 800”', holds: value => isoFilters(value).length > 0 },
    filters: ([value]) => isoFilters(value!),
  },
  {
    name: 'orientation',
    title: 'Orientation',
    facet: 'orientation',
    isMany: false,
    expected: { text: 'landscape, portrait or square', holds: isOrientation },
    filters: ([value]) => (isOrientation(value) ? [{ orientation: value }] : []),
  },
  {
    name: 'featured',
    title: 'Featured',
    facet: 'featured',
    isMany: false,
    expected: { text: 'true or false', holds: value => value === 'true' || value === 'false' },
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
    expected: { text: 'LATITUDE,LONGITUDE,KILOMETRES, such as 60.39,5.32,50', holds: value => nearOf(value) !== null },
    filters: ([value]) => nearFilters(value!),
    show: showPlace,
  },
]

export const kindOf = (name: FilterName): FilterKind => FILTER_KINDS.find(kind => kind.name === name)!

/** All conditions but those on labels. A value that means nothing restricts nothing. */
export function filterConditions(filters: Filters): Filter[] {
  return FILTER_KINDS.flatMap(kind => {
    const values = (filters[kind.name] ?? []).filter(value => wrongOf(kind, value) === null)
    return values.length > 0 ? kind.filters(values) : []
  })
}

export interface WrongValue {
  kind: FilterKind
  value: string
  /** What the value has to be. */
  expected: string
}

/** The values that mean nothing. */
export function wrongValues(filters: Filters): WrongValue[] {
  return FILTER_KINDS.flatMap(kind =>
    (filters[kind.name] ?? []).flatMap(value => {
      const expected = wrongOf(kind, value)
      return expected === null ? [] : [{ kind, value, expected }]
    }),
  )
}

function wrongOf({ expected }: FilterKind, value: string): string | null {
  if (value.length > LONGEST) return `at most ${LONGEST} characters`
  return expected && !expected.holds(value) ? expected.text : null
}

export function labelConditions({ label: values = [] }: Filters): LabelCondition[] {
  return values.filter(value => wrongOf(kindOf('label'), value) === null).flatMap(value => labelOf(value) ?? [])
}
