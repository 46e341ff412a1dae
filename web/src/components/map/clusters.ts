import type { PlaceCell } from '../../api/schema.js'
import type { Box, Circle } from './map-view.js'
import { distanceKm, type Point, pointOf } from './projection.js'

/** Photos that one dot stands for. */
export interface Cluster extends Point {
  photos: number
  box: Box
}

/** Radius of a dot, in pixels. */
export function radiusOf(photos: number): number {
  return Math.min(26, 8 + 2.6 * Math.log2(photos))
}

/** Dots for cells: those that would overlap become one. @param scale units of the map per pixel */
export function clustersOf(cells: readonly PlaceCell[], scale: number): Cluster[] {
  let clusters = cells.map(({ photos, latitude, longitude, south, west, north, east }) => ({
    ...pointOf({ latitude, longitude }),
    photos,
    box: { south, west, north, east },
  }))
  for (let before = Number.POSITIVE_INFINITY; clusters.length < before; ) {
    before = clusters.length
    clusters = mergedOnce(clusters, scale)
  }
  return clusters
}

function mergedOnce(clusters: readonly Cluster[], scale: number): Cluster[] {
  const merged: Cluster[] = []
  for (const cluster of [...clusters].sort((a, b) => b.photos - a.photos)) {
    const near = merged.findIndex(
      other =>
        Math.hypot(other.x - cluster.x, other.y - cluster.y) <
        scale * (radiusOf(other.photos) + radiusOf(cluster.photos) - 2),
    )
    if (near < 0) merged.push(cluster)
    else merged[near] = together(merged[near]!, cluster)
  }
  return merged
}

function together(a: Cluster, b: Cluster): Cluster {
  const photos = a.photos + b.photos
  const mean = (of: (cluster: Cluster) => number) => (of(a) * a.photos + of(b) * b.photos) / photos
  return {
    x: mean(({ x }) => x),
    y: mean(({ y }) => y),
    photos,
    box: {
      south: Math.min(a.box.south, b.box.south),
      west: Math.min(a.box.west, b.box.west),
      north: Math.max(a.box.north, b.box.north),
      east: Math.max(a.box.east, b.box.east),
    },
  }
}

/** A circle that holds all photos of a cluster. */
export function circleOf({ box: { south, west, north, east } }: Pick<Cluster, 'box'>): Circle {
  const centre = { latitude: rounded((south + north) / 2), longitude: rounded((west + east) / 2) }
  const corners = [south, north].flatMap(latitude => [west, east].map(longitude => ({ latitude, longitude })))
  return { ...centre, km: radiusKm(Math.max(...corners.map(corner => distanceKm(centre, corner)))) }
}

/** Up to two digits, and at least a kilometre. */
export function radiusKm(km: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, km))) - 1)
  return Math.min(20_000, Math.max(1, Math.ceil((km + 0.1) / step) * step))
}

export const rounded = (angle: number) => Number(angle.toFixed(3))
