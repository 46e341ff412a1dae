import type { RefObject } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { radiusKm, rounded } from './clusters.js'
import type { Circle, View } from './map-view.js'
import { distanceKm, type Place, placeOf } from './projection.js'

/** A pointer that moved less, in pixels, has clicked. */
const LEAST_DRAG = 6
/** Radius around a click, as a share of the width of the map. */
const CLICK_RADIUS = 0.05

/**
 * Draws a circle on a map: a mouse or a pen from the middle outwards. A click, or a tap of a finger, which scrolls when it
 * moves, takes a radius of its own.
 */
export function useDrawnCircle(
  element: RefObject<HTMLElement | null>,
  view: View,
  choose: (circle: Circle) => void,
): { drawn: Circle | null; handlers: Record<string, (event: PointerEvent) => void> } {
  const [drawn, setDrawn] = useState<Circle | null>(null)
  const start = useRef<{ place: Place; x: number; y: number; isTouch: boolean } | null>(null)
  const placeAt = (clientX: number, clientY: number) => {
    const { left, top, width, height } = element.current!.getBoundingClientRect()
    return placeOf({
      x: view.x + ((clientX - left) / width) * view.width,
      y: view.y + ((clientY - top) / height) * view.height,
    })
  }
  const circle = (centre: Place, edge: Place): Circle => ({
    latitude: rounded(centre.latitude),
    longitude: rounded(centre.longitude),
    km: radiusKm(distanceKm(centre, edge)),
  })
  const isOnDot = (event: PointerEvent) => (event.target as Element).closest('a, button') !== null
  return {
    drawn,
    handlers: {
      onPointerDown(event) {
        if (event.button !== 0 || isOnDot(event)) return
        const isTouch = event.pointerType === 'touch'
        start.current = {
          place: placeAt(event.clientX, event.clientY),
          x: event.clientX,
          y: event.clientY,
          isTouch,
        }
        if (!isTouch) element.current?.setPointerCapture(event.pointerId)
      },
      onPointerMove(event) {
        if (!start.current || start.current.isTouch || !isDrag(start.current, event)) return
        setDrawn(circle(start.current.place, placeAt(event.clientX, event.clientY)))
      },
      onPointerUp(event) {
        const from = start.current
        start.current = null
        setDrawn(null)
        if (!from) return
        const reach = isDrag(from, event)
          ? event
          : { clientX: from.x + element.current!.clientWidth * CLICK_RADIUS, clientY: from.y }
        if (from.isTouch && reach === event) return
        choose(circle(from.place, placeAt(reach.clientX, reach.clientY)))
      },
      onPointerCancel() {
        start.current = null
        setDrawn(null)
      },
    },
  }
}

function isDrag(from: { x: number; y: number }, { clientX, clientY }: PointerEvent): boolean {
  return Math.hypot(clientX - from.x, clientY - from.y) >= LEAST_DRAG
}
