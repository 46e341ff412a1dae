import { type FilterName, kindOf } from '../../state/filters.js'
import { removed, type SearchState, searchPath, toggled } from '../../state/search-state.js'
import { Icon, type IconName } from '../parts/Icon.js'
import { thumbnailOf } from './picture-query.js'

interface Chip {
  key: string
  text: string
  /** What taking it away is called. */
  name: string
  sign: IconName | null
  picture: string | null
  without: SearchState
}

const photoCopy = (id: string) => `/api/v1/photos/${encodeURIComponent(id)}/copy?height=64`

function chipsOf(state: SearchState): Chip[] {
  const words = (list: 'plus' | 'minus') =>
    state[list].map(text => ({
      key: `${list} ${text}`,
      text,
      name: `${list} ${text}`,
      sign: list,
      picture: null,
      without: removed(state, list, text),
    }))
  const photos = (list: 'like' | 'unlike', text: string, sign: IconName) =>
    state[list].map(id => ({
      key: `${list} ${id}`,
      text,
      name: `${text} ${id}`,
      sign,
      picture: photoCopy(id),
      without: removed(state, list, id),
    }))
  const pictures = state.pictures.map(vector => ({
    key: `picture ${vector}`,
    text: 'like your picture',
    name: 'like your picture',
    sign: 'plus' as const,
    picture: thumbnailOf(vector),
    without: removed(state, 'pictures', vector),
  }))
  const filters = (Object.entries(state.filters) as [FilterName, readonly string[]][]).flatMap(([name, values]) => {
    const { title, show = value => value, isMany } = kindOf(name)
    return values.map(value => ({
      key: `${name} ${value}`,
      text: show(value),
      name: `${title}: ${show(value)}`,
      sign: null,
      picture: null,
      without: toggled(state, name, value, isMany),
    }))
  })
  return [
    ...words('plus'),
    ...photos('like', 'more like this', 'plus'),
    ...pictures,
    ...words('minus'),
    ...photos('unlike', 'less like this', 'minus'),
    ...filters,
  ]
}

/** What is searched for beside the words of the bar, and the filters. Each can be taken away. */
export function Chips({ state }: { state: SearchState }) {
  const chips = chipsOf(state)
  if (chips.length === 0) return null
  return (
    <ul class="chips" aria-label="Parts of the search">
      {chips.map(({ key, text, name, sign, picture, without }) => (
        <li key={key}>
          <a
            class={`chip ${sign ? `is-${sign}` : ''}`}
            href={searchPath(without)}
            aria-label={`Remove ${name}`}
            title={`Remove ${name}`}
          >
            {sign && <Icon name={sign} />}
            {picture && (
              <img
                src={picture}
                alt=""
                height={28}
                width={28}
                onError={event => {
                  event.currentTarget.hidden = true
                }}
              />
            )}
            <span>{text}</span>
            <Icon name="close" />
          </a>
        </li>
      ))}
    </ul>
  )
}
