import { useEffect, useState } from 'preact/hooks'

/** Loads at once, and again every `ms` while the page is visible. A former value stays beside a later error. */
export function usePolled<T>(load: () => Promise<T>, ms: number): { value?: T; error?: unknown; retry: () => void } {
  const [state, setState] = useState<{ value?: T; error?: unknown }>({})
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    let isWanted = true
    let timer: ReturnType<typeof setTimeout>
    const ask = async () => {
      try {
        const value = await load()
        if (isWanted) setState({ value })
      } catch (error) {
        if (isWanted) setState(former => ({ ...former, error }))
      }
      wait()
    }
    const wait = () => {
      if (isWanted) timer = setTimeout(() => (document.hidden ? wait() : void ask()), ms)
    }
    void ask()
    return () => {
      isWanted = false
      clearTimeout(timer)
    }
  }, [attempt, ms])
  return { ...state, retry: () => setAttempt(attempt + 1) }
}
