import { Account } from '../components/access/Account.js'
import { Icon } from '../components/parts/Icon.js'
import { QueryBar } from '../components/query/QueryBar.js'
import { may } from '../state/caller.js'
import type { ViewPath } from './paths.js'
import { VIEWS } from './views.js'

const ENTRIES = Object.entries(VIEWS).flatMap(([path, { entry, scope = 'read' }]) =>
  entry ? [{ path, ...entry, scope }] : [],
)

/** A view below that of an entry, such as one label set, belongs to the entry. */
const currentOf = (path: string, view: ViewPath | null) =>
  path === view ? 'page' : view?.startsWith(`${path}/`) ? 'true' : undefined

/** The name, the search bar and the navigation; on small screens the navigation lies at the bottom. */
export function Header({ view }: { view: ViewPath | null }) {
  return (
    <header class="header">
      <a class="header-name" href="/" aria-label="unsplash-clip, home">
        <Icon name="logo" />
        <span class="header-title">unsplash-clip</span>
      </a>
      <div class="header-search">{view !== '/' && <QueryBar />}</div>
      <nav class="nav" aria-label="Views">
        {ENTRIES.filter(({ scope }) => scope === 'read' || may(scope)).map(({ path, title, icon }) => (
          <a key={path} href={path} class="nav-entry" aria-current={currentOf(path, view)}>
            <Icon name={icon} />
            <span>{title}</span>
          </a>
        ))}
      </nav>
      <Account />
    </header>
  )
}
