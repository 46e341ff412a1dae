import { useMemo, useRef } from 'preact/hooks'
import { places } from '../../../api/counts.js'
import type { PlaceCell } from '../../../api/schema.js'
import { boxOf, cellOf, type View, viewOfCells, viewOfCircle, WORLD } from '../../../components/map/map-view.js'
import { nearOf } from '../../../state/filter-values.js'
import { useResource } from '../../../state/resource.js'
import { type SearchState, searchPath, withoutFilter } from '../../../state/search-state.js'
import { useCounted } from '../../../state/use-counted.js'

/** Degrees of the cells in which the whole Earth is counted. */
const WORLD_CELL = 2.5

export interface ShownPlaces {
  view: View
  cells: readonly PlaceCell[]
  /** Photos with a place; null: not counted yet. */
  placed: number | null
  /** Whether there is more of the Earth to see. */
  isNarrow: boolean
  error: unknown
  retry: () => void
}

/** The part of the Earth with the photos, or with the chosen place, and the photos in it. @param isWhole the whole Earth instead */
export function usePlaces(state: SearchState, isWhole: boolean): ShownPlaces {
  const counted = withoutFilter(useCounted(state), 'near')
  const key = searchPath(counted)
  const all = useResource(`places ${key}`, () => places(counted, WORLD_CELL, null))
  const chosen = state.filters.near?.[0]
  const view = useMemo(() => {
    const circle = nearOf(chosen)
    if (isWhole) return WORLD
    if (circle) return viewOfCircle(circle)
    return all.value ? viewOfCells(all.value.cells) : null
  }, [chosen, isWhole, all.value])
  const isNarrow = view !== null && view !== WORLD
  const cell = isNarrow ? cellOf(view) : WORLD_CELL
  const box = isNarrow ? boxOf(view) : null
  const inView = useResource(box ? `places ${key} ${cell} ${Object.values(box)}` : `places ${key}`, () =>
    places(counted, cell, box),
  )
  // The former dots stay until the next ones are there.
  const last = useRef<{ view: View; cells: readonly PlaceCell[] }>({ view: WORLD, cells: [] })
  if (view && inView.value) last.current = { view, cells: inView.value.cells }
  const failed = [all, inView].find(({ error }) => error !== undefined)
  return {
    view: view ?? last.current.view,
    cells: last.current.cells,
    placed: all.value?.placed ?? null,
    isNarrow,
    error: failed?.error,
    retry: failed?.retry ?? (() => {}),
  }
}
