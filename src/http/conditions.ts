import type { z } from 'zod'
import { AppError } from '../domain/errors.js'
import type { Filter, LabelFilter } from '../domain/ports/search.js'
import { parseWhere } from '../domain/where/parse-where.js'
import { keywordFilter, labelFilter, nearFilter } from '../domain/where/written-filters.js'
import type { FILTER_MEMBERS, FILTER_PARAMETERS } from './schemas/filters.js'

type Parameters = z.output<z.ZodObject<typeof FILTER_PARAMETERS>>
type Members = z.output<z.ZodObject<typeof FILTER_MEMBERS>>

/** What restricts a search to photos. */
export interface Conditions {
  labels: LabelFilter[]
  where: Filter[]
}

/** The conditions of query parameters. @throws AppError USAGE, FILTER_INVALID */
export function conditionsOf(query: Parameters): Conditions {
  const {
    label = [],
    where = [],
    near,
    orientation,
    photos,
    not_photos,
    keyword = [],
    collection = [],
    color = [],
  } = query
  return {
    labels: label.map(text => labelFilter(text, 'label')),
    where: [
      ...where.flatMap(text => parseWhere(text)),
      ...(near === undefined ? [] : [nearFilter(near, 'near')]),
      ...(orientation === undefined ? [] : [{ orientation }]),
      ...(photos === undefined ? [] : [{ photos }]),
      ...(not_photos === undefined ? [] : [{ not_photos }]),
      ...keyword.map(keywordFilter),
      ...collection.map(name => ({ collection: name })),
      ...color.map(name => ({ color: name })),
    ],
  }
}

/** The conditions of a body. */
export function conditionsOfBody({ labels = [], filters = [] }: Members): Conditions {
  return {
    labels: labels.map(({ set, label, min_score }) => ({
      set,
      label,
      ...(min_score === undefined ? {} : { minScore: min_score }),
    })),
    where: filters.map(filter => {
      if (!('column' in filter) || !('value' in filter)) return filter as Filter
      const { value } = filter
      return { ...filter, value: Array.isArray(value) ? value.map(String) : String(value) } as Filter
    }),
  }
}

interface Named {
  where?: string[]
  filters?: object[]
  by?: string[]
  facets?: string[]
}

/**
 * Refuses conditions on the addresses of images and facets of their folders: a client that may not see them must not find
 * them by searching.
 * @throws AppError FILTER_INVALID
 */
export function refuseAddresses(request: { query: unknown; body: unknown }): void {
  const query = (request.query ?? {}) as Named
  const body = (request.body ?? {}) as Named
  const all: object[] = [...(query.where ?? []).flatMap(text => parseWhere(text)), ...(body.filters ?? [])]
  if (all.some(filter => 'column' in filter && filter.column === 'photo_image_url'))
    throw new AppError('FILTER_INVALID', 'where: photo_image_url is not shown to you, so conditions cannot name it.')
  if ([query, body].some(({ by = [], facets = [] }) => by.includes('folder') || facets.includes('folder')))
    throw new AppError('FILTER_INVALID', 'facets: folders of files are not shown to you, so nothing counts them.')
}
