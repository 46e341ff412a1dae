import type { Facet } from '../../domain/ports/facets.js'
import { bars, oneLine } from './output.js'

/** Prints facets as bars, one below the other. Leaves out facets without photos. */
export function facetText(facets: readonly Facet[]): string {
  return facets
    .map(facet => ({ name: facet.name, counts: facetCounts(facet) }))
    .filter(({ counts }) => counts.length > 0)
    .map(({ name, counts }) => `${name}\n\n${bars(counts)}`)
    .join('\n\n')
}

/** Returns the bars of a facet: its values, then the rest in brackets. */
export function facetCounts({ values, other, unknown }: Facet): { label: string; count: number }[] {
  return [
    ...values.map(({ value, photos }) => ({ label: oneLine(value), count: photos })),
    ...(other > 0 ? [{ label: '(other)', count: other }] : []),
    ...(unknown > 0 ? [{ label: '(unknown)', count: unknown }] : []),
  ]
}

/** Returns the JSON lines of a facet. As in SQL, `part` separates values from the rest, whose value is null. */
export function facetObjects({ name, values, other, unknown }: Facet): object[] {
  return [
    ...values.map(({ value, photos }) => ({ facet: name, value, photos, part: 'value' })),
    ...(other > 0 ? [{ facet: name, value: null, photos: other, part: 'other' }] : []),
    ...(unknown > 0 ? [{ facet: name, value: null, photos: unknown, part: 'unknown' }] : []),
  ]
}
