import type { RefObject } from 'preact'
import { useLayoutEffect, useState } from 'preact/hooks'

/** The width of an element and its distance from the top of the document; null before it is laid out. */
export function useBox(element: RefObject<HTMLElement | null>): { width: number; top: number } | null {
  const [box, setBox] = useState<{ width: number; top: number } | null>(null)
  useLayoutEffect(() => {
    const found = element.current
    if (!found) return
    const measure = () => {
      const { width, top } = found.getBoundingClientRect()
      const next = { width: Math.floor(width), top: Math.round(top + scrollY) }
      setBox(former => (former?.width === next.width && former.top === next.top ? former : next))
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(found)
    // What lies above it moves it.
    observer.observe(document.body)
    return () => observer.disconnect()
  }, [element])
  return box
}
