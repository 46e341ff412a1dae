import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Steered } from './use-camera.js'

/** Of the wheel: a notch is some 100 units. */
const ZOOM_PER_UNIT = 1.0015
/** A pointer that moved less has clicked. */
const STILL = 4

interface Place {
  x: number
  y: number
}

/**
 * Drag moves the map, the wheel and two fingers zoom.
 * @param click called with the pixel of a click
 */
export function useGestures(
  element: RefObject<HTMLElement | null>,
  steered: Steered,
  click: (at: Place) => void,
): void {
  const latest = useRef({ steered, click })
  latest.current = { steered, click }
  useEffect(() => {
    const found = element.current
    if (!found) return
    const pointers = new Map<number, Place>()
    let moved = 0
    const placeOf = (event: MouseEvent): Place => {
      const { left, top } = found.getBoundingClientRect()
      return { x: event.clientX - left, y: event.clientY - top }
    }
    const onDown = (event: PointerEvent) => {
      if (event.button !== 0) return
      if (pointers.size === 0) moved = 0
      pointers.set(event.pointerId, placeOf(event))
    }
    const onMove = (event: PointerEvent) => {
      const before = pointers.get(event.pointerId)
      if (!before) return
      const now = placeOf(event)
      const [dx, dy] = [now.x - before.x, now.y - before.y]
      moved += Math.hypot(dx, dy)
      const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place)
      pointers.set(event.pointerId, now)
      if (moved > STILL) found.setPointerCapture(event.pointerId)
      if (!other) {
        latest.current.steered.panBy(dx, dy)
        return
      }
      const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 }
      latest.current.steered.panBy(dx / 2, dy / 2)
      latest.current.steered.zoomBy(distance(now, other) / (distance(before, other) || 1), middle)
    }
    const onUp = (event: PointerEvent) => {
      if (!pointers.delete(event.pointerId) || moved > STILL || event.type === 'pointercancel') return
      if (!(event.target as Element).closest('a, button')) latest.current.click(placeOf(event))
    }
    // A drag that ends on a picture is no click on it.
    const onClick = (event: MouseEvent) => {
      if (moved > STILL && event.detail > 0) event.preventDefault()
    }
    const onWheel = (event: WheelEvent) => {
      event.preventDefault()
      latest.current.steered.zoomBy(ZOOM_PER_UNIT ** -event.deltaY, placeOf(event))
    }
    found.addEventListener('pointerdown', onDown)
    found.addEventListener('pointermove', onMove)
    found.addEventListener('pointerup', onUp)
    found.addEventListener('pointercancel', onUp)
    found.addEventListener('click', onClick)
    found.addEventListener('wheel', onWheel, { passive: false })
    return () => {
      found.removeEventListener('pointerdown', onDown)
      found.removeEventListener('pointermove', onMove)
      found.removeEventListener('pointerup', onUp)
      found.removeEventListener('pointercancel', onUp)
      found.removeEventListener('click', onClick)
      found.removeEventListener('wheel', onWheel)
    }
  }, [element])
}

const distance = (a: Place, b: Place): number => Math.hypot(a.x - b.x, a.y - b.y)
