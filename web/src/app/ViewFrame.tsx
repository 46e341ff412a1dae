import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { SignIn } from '../components/access/SignIn.js'
import { Failure } from '../components/states/Failure.js'
import { NotFound } from '../components/states/NotFound.js'
import { caller, may } from '../state/caller.js'
import type { ViewPath, ViewProps } from './paths.js'
import { VIEWS } from './views.js'

interface Props {
  view: ViewPath | null
  parameters: Record<string, string>
}

/** Loads the code of a view and shows it, or asks for a key that permits it. The view before it stays until the next one is there. */
export function ViewFrame({ view, parameters }: Props) {
  const [loaded, setLoaded] = useState<{ view: ViewPath; Component: ComponentType<ViewProps> } | null>(null)
  const [failure, setFailure] = useState<unknown>(null)
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    if (view === null) return
    let isWanted = true
    setFailure(null)
    VIEWS[view].load().then(
      Component => isWanted && setLoaded({ view, Component }),
      error => isWanted && setFailure(error),
    )
    return () => {
      isWanted = false
    }
  }, [view, attempt])
  if (view === null) return <NotFound />
  if (failure !== null) return <Failure error={failure} retry={() => setAttempt(attempt + 1)} />
  if (loaded?.view !== view || caller.value === null) return <div class="view-pending" />
  const { scope = 'read' } = VIEWS[view]
  if (!may(scope)) return <SignIn scope={scope} isView />
  // After signing in the view begins again, at the same place.
  return <loaded.Component key={caller.value.key ?? 'without a key'} parameters={parameters} />
}
