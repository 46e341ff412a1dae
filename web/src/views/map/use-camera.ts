import type { RefObject } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { boundsOf, type Camera, cameraText, fitted, panned, parsedCamera, type Size, zoomed } from './camera.js'
import { mapState, showMap } from './map-state.js'

const STEP = 80
const ZOOM = 1.5
/** The address follows when the map rests. */
const REST_MS = 300

export interface Steered {
  camera: Camera
  zoomBy: (factor: number, at?: { x: number; y: number }) => void
  panBy: (dx: number, dy: number) => void
  showAll: () => void
  onKeyDown: (event: KeyboardEvent) => void
}

/** The camera of the map: it begins at the address, and the address follows it. */
export function useCamera(places: Float32Array, size: Size): Steered {
  const whole = useMemo(() => fitted(boundsOf(places), size), [places, size.width, size.height])
  const [moved, setMoved] = useState<Camera | null>(() => parsedCamera(mapState().at, whole))
  const camera = moved ?? whole
  useEffect(() => {
    const timer = setTimeout(() => {
      const at = moved === null ? null : cameraText(moved, whole)
      if (at !== mapState().at) showMap({ at })
    }, REST_MS)
    return () => clearTimeout(timer)
  }, [moved, whole])
  const middle = { x: size.width / 2, y: size.height / 2 }
  const zoomBy = (factor: number, at = middle) => setMoved(former => zoomed(former ?? whole, factor, at, size, whole))
  const panBy = (dx: number, dy: number) => setMoved(former => panned(former ?? whole, dx, dy))
  const showAll = () => setMoved(null)
  const keys: Record<string, () => void> = {
    ArrowLeft: () => panBy(STEP, 0),
    ArrowRight: () => panBy(-STEP, 0),
    ArrowUp: () => panBy(0, STEP),
    ArrowDown: () => panBy(0, -STEP),
    '+': () => zoomBy(ZOOM),
    '=': () => zoomBy(ZOOM),
    '-': () => zoomBy(1 / ZOOM),
    '0': showAll,
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const act = keys[event.key]
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    act()
  }
  return { camera, zoomBy, panBy, showAll, onKeyDown }
}

/** The size of an element, in pixels; null before it is laid out. */
export function useSize(element: RefObject<HTMLElement | null>): Size | null {
  const [size, setSize] = useState<Size | null>(null)
  const last = useRef(size)
  useEffect(() => {
    const found = element.current
    if (!found) return
    const observer = new ResizeObserver(() => {
      const next = { width: found.clientWidth, height: found.clientHeight }
      if (last.current?.width === next.width && last.current.height === next.height) return
      last.current = next
      setSize(next)
    })
    observer.observe(found)
    return () => observer.disconnect()
  }, [element])
  return size
}
