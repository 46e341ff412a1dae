import { useEffect, useState } from 'preact/hooks'
import type { Theme } from './palette.js'

const DARK = '(prefers-color-scheme: dark)'
const current = (): Theme => (matchMedia(DARK).matches ? 'dark' : 'light')

/** The theme of the system, as it changes. */
export function useTheme(): Theme {
  const [theme, setTheme] = useState(current)
  useEffect(() => {
    const query = matchMedia(DARK)
    const change = () => setTheme(current())
    query.addEventListener('change', change)
    return () => query.removeEventListener('change', change)
  }, [])
  return theme
}
