import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'

/** A component whose code is loaded when it is first shown. Until then there is an empty box of a class. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>, pendingClass: string): ComponentType<P> {
  let known: ComponentType<P> | null = null
  return function Lazy(props: P) {
    const [Loaded, setLoaded] = useState<{ component: ComponentType<P> | null }>({ component: known })
    useEffect(() => {
      if (known) return
      let isWanted = true
      load().then(
        component => {
          known = component
          if (isWanted) setLoaded({ component })
        },
        // The box stays empty; the views say that the server cannot be reached.
        () => {},
      )
      return () => {
        isWanted = false
      }
    }, [])
    const { component: Component } = Loaded
    return Component ? <Component {...props} /> : <div class={pendingClass} />
  }
}
