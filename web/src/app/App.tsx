import { useEffect } from 'preact/hooks'
import { LiveRegion } from '../components/parts/LiveRegion.js'
import { DropTarget } from '../components/query/DropTarget.js'
import { Header } from './Header.js'
import { followLinks, place } from './navigation.js'
import { matchPath } from './paths.js'
import { listenForShortcuts } from './shortcuts.js'
import { ViewFrame } from './ViewFrame.js'

/** The whole page: header, the view of the address, and what is told to screen readers. */
export function App() {
  useEffect(() => {
    document.addEventListener('click', followLinks)
    const stop = listenForShortcuts()
    return () => {
      document.removeEventListener('click', followLinks)
      stop()
    }
  }, [])
  const matched = matchPath(place.value.path)
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Header view={matched?.view ?? null} />
      <main id="main" tabIndex={-1}>
        <ViewFrame view={matched?.view ?? null} parameters={matched?.parameters ?? {}} />
      </main>
      <DropTarget />
      <LiveRegion />
    </>
  )
}
