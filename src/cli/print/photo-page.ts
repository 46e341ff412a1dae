import { basename } from 'node:path'
import { percent } from '../../domain/labels.js'

/**
 * A self-contained HTML page of photos, written by `search --html`, `labels show --html` and the demo. It has no
 * script, and loads nothing from elsewhere when the pictures are data URIs.
 */
export interface PhotoPage {
  title: string
  /** One or two sentences below the title. */
  intro: string
  sections: PhotoSection[]
}

export interface PhotoSection {
  heading: string
  note?: string
  bars?: { label: string; count: number }[]
  /** The first column names the rows. */
  table?: { header: readonly string[]; rows: readonly (readonly string[])[] }
  cards?: PhotoCard[]
  /** Pictures alone, as data URIs. */
  pictures?: string[]
}

export interface PhotoCard {
  photoId: string
  /** data: or http(s) URL; null without a picture. */
  image: string | null
  /** Cosine similarity, or the score of a label. */
  score?: number
  /** A word on the picture, which gets a coloured frame. */
  mark?: string
  description: string | null
  labels: { set: string; label: string; score: number }[]
  credit: string | null
  /** Path of an own photo's file. */
  path?: string | null
  /** Web page of the photo, http(s), or the file of an own photo. */
  link: string | null
}

export function renderPhotoPage(page: PhotoPage): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="${contentPolicy(page)}">
<title>${escapeHtml(page.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(page.title)}</h1>
<p>${escapeHtml(page.intro)}</p>
</header>
<main>
${page.sections.map(renderSection).join('\n')}
</main>
<footer>Made by unsplash-clip</footer>
</body>
</html>
`
}

/**
 * Returns the content security policy. Markup in a text would run nothing, send nothing and frame nothing. Pictures
 * load from the web only if the page has pictures from there.
 */
function contentPolicy({ sections }: PhotoPage): string {
  const fromWeb = sections.some(section => section.cards?.some(card => card.image !== null && isWebUrl(card.image)))
  const images = fromWeb ? 'data: https: http:' : 'data:'
  return `default-src 'none'; img-src ${images}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`
}

function renderSection(section: PhotoSection): string {
  return `<section>
<h2>${escapeHtml(section.heading)}</h2>
${section.note ? `<p class="note">${escapeHtml(section.note)}</p>` : ''}
${(section.pictures ?? []).map(uri => `<img class="query" src="${escapeHtml(uri)}" alt="">`).join('\n')}
${section.bars ? renderBars(section.bars) : ''}
${section.table ? renderTable(section.table) : ''}
${section.cards ? (section.cards.length > 0 ? `<ul class="cards">\n${section.cards.map(renderCard).join('\n')}\n</ul>` : '<p class="note">No photo matches.</p>') : ''}
</section>`
}

function renderBars(bars: { label: string; count: number }[]): string {
  const most = Math.max(1, ...bars.map(bar => bar.count))
  const total = Math.max(
    1,
    bars.reduce((sum, bar) => sum + bar.count, 0),
  )
  const rows = bars.map(
    ({ label, count }) =>
      `<tr><th scope="row">${escapeHtml(label)}</th><td class="bar"><span style="width:${((100 * count) / most).toFixed(1)}%"></span></td><td class="count">${count} <small>${((100 * count) / total).toFixed(1)} %</small></td></tr>`,
  )
  return `<table class="bars">${rows.join('')}</table>`
}

function renderTable({ header, rows }: NonNullable<PhotoSection['table']>): string {
  const head = header.map(text => `<th scope="col">${escapeHtml(text)}</th>`).join('')
  const body = rows.map(
    ([name = '', ...cells]) =>
      `<tr><th scope="row">${escapeHtml(name)}</th>${cells.map(text => `<td>${escapeHtml(text)}</td>`).join('')}</tr>`,
  )
  return `<div class="wide"><table class="numbers"><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table></div>`
}

function renderCard(card: PhotoCard): string {
  const { path } = card
  const name = card.description ?? (path ? basename(path) : `Photo ${card.photoId}`)
  const link = card.link && (isWebUrl(card.link) || (path && isFileUrl(card.link))) ? card.link : null
  const picture =
    card.image && (card.image.startsWith('data:image/') || isWebUrl(card.image))
      ? `<img src="${escapeHtml(card.image)}" alt="${escapeHtml(name)}"${card.image.startsWith('data:') ? '' : ' loading="lazy"'}>`
      : '<div class="missing">no copy stored</div>'
  const labels = card.labels
    .map(({ set, label, score }) => {
      // Two sets may share a label.
      const isAmbiguous = card.labels.some(other => other.label === label && other.set !== set)
      const shown = isAmbiguous ? `${set}: ${label}` : label
      return `<li title="${escapeHtml(set)}">${escapeHtml(shown)} <small>${percent(score)}</small></li>`
    })
    .join('')
  return `<li class="card">
<div class="picture${card.mark === undefined ? '' : ' marked'}">${link ? `<a href="${escapeHtml(link)}" rel="noreferrer">${picture}</a>` : picture}${card.score === undefined ? '' : `<span class="score">${card.score.toFixed(3)}</span>`}${card.mark === undefined ? '' : `<span class="mark">${escapeHtml(card.mark)}</span>`}</div>
<p class="description">${escapeHtml(name)}</p>
<p class="credit">${card.credit ? `Photo by ${escapeHtml(card.credit)}` : ''} <code>${escapeHtml(card.photoId)}</code></p>
${path ? `<p class="path">${link ? `<a href="${escapeHtml(link)}">${escapeHtml(path)}</a>` : escapeHtml(path)}</p>` : ''}
${labels ? `<ul class="labels">${labels}</ul>` : ''}
</li>`
}

/** On this machine only: a host in it would be asked when the link is followed. */
function isFileUrl(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'file:' && new URL(text).host === ''
}

function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

const STYLE = `
:root { color-scheme: light dark; --ink: #16191d; --soft: #626b76; --line: #e3e6ea; --paper: #fbfbfa; --card: #fff; --accent: #3b5bdb; }
@media (prefers-color-scheme: dark) { :root { --ink: #eceef0; --soft: #99a2ad; --line: #2b3037; --paper: #121417; --card: #1a1d21; --accent: #8ea6ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 76rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.02em; }
h2 { font-size: 1.15rem; margin: 2.75rem 0 .75rem; }
header p, .note { color: var(--soft); margin: 0 0 1rem; max-width: 46rem; }
ul { list-style: none; margin: 0; padding: 0; }
.cards { display: grid; gap: 1.1rem; grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; overflow: hidden; padding-bottom: .7rem; }
.card > p, .card > ul { margin: .4rem .8rem 0; }
.picture { position: relative; aspect-ratio: 4 / 3; background: var(--line); }
.picture img { width: 100%; height: 100%; object-fit: contain; display: block; }
.query { max-height: 14rem; max-width: 100%; border-radius: .7rem; }
.missing { display: grid; place-items: center; height: 100%; color: var(--soft); font-size: .85rem; }
.score { position: absolute; right: .5rem; bottom: .5rem; background: #000a; color: #fff; border-radius: .4rem; padding: .05rem .45rem; font-size: .8rem; font-variant-numeric: tabular-nums; }
.mark { position: absolute; left: .5rem; bottom: .5rem; background: var(--accent); color: var(--paper); border-radius: .4rem; padding: .05rem .45rem; font-size: .8rem; }
.marked { outline: 3px solid var(--accent); outline-offset: -3px; }
.description { font-size: .92rem; line-height: 1.35; display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; }
.credit { font-size: .78rem; color: var(--soft); }
.credit code { font-size: .74rem; }
.path { font: .74rem/1.35 ui-monospace, monospace; color: var(--soft); overflow-wrap: anywhere; }
.labels { display: flex; flex-wrap: wrap; gap: .3rem; }
.labels li { border: 1px solid var(--line); border-radius: 1rem; padding: .02rem .55rem; font-size: .76rem; }
small { color: var(--soft); }
.bars { border-collapse: collapse; width: 100%; max-width: 40rem; margin-bottom: 1rem; }
.bars th { text-align: left; font-weight: 500; padding-right: 1rem; width: 7rem; }
.bar span { display: block; height: .8rem; min-width: 1px; border-radius: .2rem; background: var(--accent); }
.count { text-align: right; width: 9rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.wide { overflow-x: auto; }
.numbers { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-bottom: 1rem; }
.numbers th, .numbers td { border-bottom: 1px solid var(--line); padding: .25rem .8rem; text-align: right; font-weight: 500; }
.numbers th:first-child { text-align: left; }
footer { margin-top: 3.5rem; color: var(--soft); font-size: .8rem; }
a { color: inherit; }
`
