import { periodOf } from '../../../state/filter-values.js'

/** A year or a month with its photos. */
export interface Bar {
  /** `2017` or `2017-05` */
  value: string
  photos: number
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** Every year from the first to the last one with photos. A few mistaken dates do not make bars of centuries. */
export function yearBars(months: readonly Bar[]): Bar[] {
  const photos = new Map<number, number>()
  for (const { value, photos: count } of months) {
    const year = Number(value.slice(0, 4))
    photos.set(year, (photos.get(year) ?? 0) + count)
  }
  if (photos.size === 0) return []
  const years = [...photos.keys()].sort((a, b) => a - b)
  const [first, last] = [years[0]!, years.at(-1)!]
  const all = last - first < 100 ? Array.from({ length: last - first + 1 }, (_, i) => first + i) : years
  return all.map(year => ({ value: String(year).padStart(4, '0'), photos: photos.get(year) ?? 0 }))
}

/** The twelve months of a year. */
export function monthBars(months: readonly Bar[], year: string): Bar[] {
  const photos = new Map(months.map(bar => [bar.value, bar.photos]))
  return MONTHS.map((_, i) => {
    const value = `${year}-${String(i + 1).padStart(2, '0')}`
    return { value, photos: photos.get(value) ?? 0 }
  })
}

/** The year whose months are shown: that of the chosen period, or the only one. Null: none. */
export function openYear(chosen: string | undefined, years: readonly Bar[]): string | null {
  const period = periodOf(chosen)
  if (period) {
    const [from, to] = [period.from.slice(0, 4), period.to.slice(0, 4)]
    return from === to ? from : null
  }
  return years.length === 1 ? years[0]!.value : null
}

/** Whether a year or a month has days in a period. */
export function isWithin(value: string, chosen: string | undefined): boolean {
  const period = periodOf(chosen)
  if (!period) return false
  const [first, last] = [`${period.from}-01`, `${period.to}-12`].map(text => text.slice(0, value.length))
  return first! <= value && value <= last!
}

/** The period from one bar to another, whichever comes first. */
export function periodBetween(a: string, b: string): string {
  return a === b ? a : a < b ? `${a}..${b}` : `${b}..${a}`
}

/** `2017`, or `May` for a month. */
export function shortName(value: string): string {
  return value.length === 4 ? value : MONTHS[Number(value.slice(5)) - 1]!
}

export function longName(value: string): string {
  return value.length === 4 ? value : `${shortName(value)} ${value.slice(0, 4)}`
}
