/** The paths of the views, as the server knows them too. A test compares the two lists. */
export const VIEW_PATHS = [
  '/',
  '/search',
  '/photos/:id',
  '/runs',
  '/runs/:id',
  '/labels',
  '/labels/:set',
  '/map',
  '/duplicates',
  '/api',
] as const
export type ViewPath = (typeof VIEW_PATHS)[number]

export interface ViewProps {
  /** The parts of the path that the view names, such as `id`. */
  parameters: Record<string, string>
}

/** The view of a path with its parameters; null: none. */
export function matchPath(path: string): { view: ViewPath; parameters: Record<string, string> } | null {
  for (const view of VIEW_PATHS) {
    const parameters = matched(view.split('/'), path.split('/'))
    if (parameters) return { view, parameters }
  }
  return null
}

function matched(pattern: readonly string[], parts: readonly string[]): Record<string, string> | null {
  if (pattern.length !== parts.length) return null
  const parameters: Record<string, string> = {}
  for (const [i, expected] of pattern.entries()) {
    const part = parts[i]!
    if (expected.startsWith(':') && part !== '') {
      const value = decoded(part)
      if (value === null) return null
      parameters[expected.slice(1)] = value
    } else if (expected !== part) return null
  }
  return parameters
}

/** Null: the address is cut off within a character. */
function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}
