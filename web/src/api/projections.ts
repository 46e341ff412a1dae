import { answered, get } from './client.js'

/** Values that colours tell apart. */
const MOST_VALUES = 12

export interface Points {
  ids: string[]
  /** x and y in turns, [n, 2] */
  places: Float32Array
}

export interface Colors {
  by: string
  values: { value: string; photos: number }[]
  /** Position of the value of each photo, [n]; 255: none of them. */
  places: Uint8Array
}

export async function projections() {
  return (await answered(get('/api/v1/projections', {}))).projections
}

export async function projectionPoints(name: string): Promise<Points> {
  const { photo_ids: ids, points } = await answered(
    get('/api/v1/projections/{name}', { params: { path: { name }, query: {} } }),
  )
  return { ids, places: new Float32Array(bytesOf(points).buffer) }
}

export async function projectionColors(name: string, by: string): Promise<Colors> {
  const query = { by, top: MOST_VALUES }
  const { values, places } = await answered(
    get('/api/v1/projections/{name}/colors', { params: { path: { name }, query } }),
  )
  return { by, values, places: bytesOf(places) }
}

/** The copy of a photo, in a height that the server offers. */
export const copyOfPhoto = (id: string, height: 64 | 128 | 256): string => `/api/v1/photos/${id}/copy?height=${height}`

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(base64), char => char.charCodeAt(0))
