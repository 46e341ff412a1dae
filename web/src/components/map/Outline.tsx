import { BORDERS, LAND } from 'virtual:world-outline'
import type { ComponentChildren } from 'preact'
import type { View } from './map-view.js'
import { WIDTH } from './projection.js'

interface Props {
  view: View
  /** Drawn over the land, in the units of the map. */
  children?: ComponentChildren
}

/** Land and borders of a part of the Earth. The drawing fills the box of its parent. */
export function Outline({ view: { x, y, width, height }, children }: Props) {
  return (
    <svg
      class="map-outline"
      viewBox={`${x} ${y} ${width} ${height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
      focusable="false"
    >
      <path class="map-land" d={LAND} />
      <path class="map-borders" d={BORDERS} />
      {children}
    </svg>
  )
}

/** A line through points, and its copies on the other sides of the map. */
export function Line({ points }: { points: readonly { x: number; y: number }[] }) {
  const d = `M${points.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')}Z`
  return (
    <>
      {[-WIDTH, 0, WIDTH].map(shift => (
        <path key={shift} class="map-circle" d={d} transform={`translate(${shift})`} />
      ))}
    </>
  )
}
