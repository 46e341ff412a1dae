import { navigate, place } from '../../app/navigation.js'

/** What the address of the map holds. */
export interface MapState {
  projection: string | null
  /** Facet that colours the points; null: none. */
  by: string | null
  /** The only value in its colour; null: all. */
  only: string | null
  /** The camera, as text. */
  at: string | null
}

const PATH = '/map'
const NAMES = ['projection', 'by', 'only', 'at'] as const

let last: MapState = { projection: null, by: null, only: null, at: null }

/** While the page leaves the map, the state stays. */
export function mapState(): MapState {
  const { path, parameters } = place.value
  if (path === PATH) last = Object.fromEntries(NAMES.map(name => [name, parameters.get(name)])) as unknown as MapState
  return last
}

export function mapPath(state: MapState): string {
  const parameters = new URLSearchParams()
  for (const name of NAMES) if (state[name] !== null) parameters.set(name, state[name])
  const text = parameters.toString()
  return text === '' ? PATH : `${PATH}?${text}`
}

/** @param replace whether going back skips the present state */
export function showMap(changes: Partial<MapState>, replace = true): void {
  if (place.value.path !== PATH) return
  navigate(mapPath({ ...mapState(), ...changes }), { replace })
}
