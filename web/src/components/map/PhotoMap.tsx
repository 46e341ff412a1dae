import { useMemo, useRef } from 'preact/hooks'
import type { PlaceCell } from '../../api/schema.js'
import { useBox } from '../grid/use-box.js'
import { type Cluster, circleOf, clustersOf, radiusOf } from './clusters.js'
import type { Circle, View } from './map-view.js'
import { Line, Outline } from './Outline.js'
import { circleAround, placeOf } from './projection.js'
import { useDrawnCircle } from './use-drawn-circle.js'

interface Props {
  view: View
  cells: readonly PlaceCell[]
  /** The place that the photos are restricted to. */
  chosen: Circle | null
  choose: (circle: Circle) => void
  hrefOf: (circle: Circle) => string
}

/** Photos as dots on the map. A dot leads to its photos; a circle that is drawn, to those inside. */
export function PhotoMap({ view, cells, chosen, choose, hrefOf }: Props) {
  const element = useRef<HTMLDivElement>(null)
  const width = useBox(element)?.width ?? 0
  const scale = width > 0 ? view.width / width : null
  const clusters = useMemo(
    () => (scale === null ? [] : clustersOf(cells, scale).filter(isIn(view))),
    [cells, scale, view],
  )
  const { drawn, handlers } = useDrawnCircle(element, view, choose)
  const circle = drawn ?? chosen
  return (
    <div ref={element} class="map-box" {...handlers}>
      <Outline view={view}>{circle && <Line points={circleAround(circle, circle.km)} />}</Outline>
      <ul aria-label="Photos by place">
        {clusters.map(cluster => (
          <li key={`${cluster.x} ${cluster.y}`}>
            <Dot cluster={cluster} view={view} href={hrefOf(circleOf(cluster))} />
          </li>
        ))}
      </ul>
      {drawn && <p class="map-radius">{drawn.km.toLocaleString('en')} km</p>}
    </div>
  )
}

function Dot({ cluster, view, href }: { cluster: Cluster; view: View; href: string }) {
  const size = 2 * radiusOf(cluster.photos)
  const count = cluster.photos.toLocaleString('en')
  const name = `${count} ${cluster.photos === 1 ? 'photo' : 'photos'} around ${textOf(cluster)}`
  return (
    <a
      class="map-dot"
      href={href}
      aria-label={name}
      title={name}
      draggable={false}
      style={{
        left: inside((cluster.x - view.x) / view.width, size),
        top: inside((cluster.y - view.y) / view.height, size),
        width: `${size}px`,
        height: `${size}px`,
      }}
    >
      <span>{cluster.photos >= 10_000 ? `${Math.round(cluster.photos / 1000)}k` : count}</span>
    </a>
  )
}

/** The middle of a dot, so that the edge of the map cuts nothing off. @param share of the width or height of the map */
const inside = (share: number, size: number) => `clamp(${size / 2}px, ${100 * share}%, calc(100% - ${size / 2}px))`

const isIn = (view: View) => (cluster: Cluster) =>
  cluster.x >= view.x && cluster.x <= view.x + view.width && cluster.y >= view.y && cluster.y <= view.y + view.height

function textOf(cluster: Cluster): string {
  const { latitude, longitude } = placeOf(cluster)
  const text = (angle: number, positive: string, negative: string) =>
    `${Math.abs(angle).toFixed(1)}° ${angle < 0 ? negative : positive}`
  return `${text(latitude, 'N', 'S')}, ${text(longitude, 'E', 'W')}`
}
