import { useEffect, useMemo, useRef } from 'preact/hooks'
import type { Colors, Points } from '../../api/projections.js'
import { navigate } from '../../app/navigation.js'
import { Icon } from '../../components/parts/Icon.js'
import type { Size } from './camera.js'
import { drawPoints, nearestPoint } from './draw-points.js'
import { PointPhoto } from './PointPhoto.js'
import { colorOf, colorOfOthers, paletteOf, type Theme } from './palette.js'
import { thumbnailsOf } from './thumbnails.js'
import { useCamera } from './use-camera.js'
import { useGestures } from './use-gestures.js'

interface Props {
  points: Points
  colors: Colors | null
  /** Position of the only value in its colour; null: all. */
  only: number | null
  size: Size
  theme: Theme
}

/** How far from a point a click may be, in pixels. */
const REACH = 12
/** Of a point, in pixels: fewer points are larger. */
const sideOf = (count: number) => (count > 20_000 ? 2 : count > 2000 ? 3 : 5)

/** The points of a projection on a canvas, and from near the photos themselves, as links. */
export function PointMap({ points: { ids, places }, colors, only, size, theme }: Props) {
  const element = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const steered = useCamera(places, size)
  const { camera } = steered
  const ratio = Math.min(2, devicePixelRatio || 1)
  const palette = useMemo(() => paletteOf(theme), [theme])
  const thumbnails = useMemo(() => thumbnailsOf(places, camera, size), [places, camera, size])
  useGestures(element, steered, at => {
    const x = camera.x + (at.x - size.width / 2) / camera.scale
    const y = camera.y + (at.y - size.height / 2) / camera.scale
    const index = nearestPoint(places, x, y, REACH / camera.scale)
    if (index !== null) navigate(`/photos/${ids[index]}`)
  })
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      const context = canvas.current?.getContext('2d')
      if (!context) return
      const drawn = { places, colors: colors?.places ?? null, only, palette }
      drawPoints(context, camera, drawn, ratio, Math.round(sideOf(ids.length) * ratio))
    })
    return () => cancelAnimationFrame(frame)
  }, [places, camera, colors, only, palette, ratio, size])
  const borderOf = (index: number) => {
    const value = colors?.places[index]
    return value === undefined || value >= colors!.values.length ? colorOfOthers(theme) : colorOf(theme, value)
  }
  return (
    <div
      ref={element}
      class="points"
      role="application"
      aria-label="Map of similar photos. Arrow keys move it, plus and minus zoom, 0 shows all."
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the keys that move the map need the focus
      tabIndex={0}
      onKeyDown={steered.onKeyDown}
    >
      <canvas ref={canvas} width={size.width * ratio} height={size.height * ratio} />
      {thumbnails.map(({ index, x, y }) => (
        <PointPhoto key={ids[index]} id={ids[index]!} x={x} y={y} color={borderOf(index)} />
      ))}
      <div class="points-tools">
        <button type="button" class="icon-button" aria-label="Zoom in" onClick={() => steered.zoomBy(2)}>
          <Icon name="plus" />
        </button>
        <button type="button" class="icon-button" aria-label="Zoom out" onClick={() => steered.zoomBy(0.5)}>
          <Icon name="minus" />
        </button>
        <button type="button" class="icon-button" aria-label="Show all" onClick={steered.showAll}>
          <Icon name="retry" />
        </button>
      </div>
    </div>
  )
}
