import { XMLParser } from 'fast-xml-parser'

/** What an XMP packet says about a photo; absent fields are left out. */
export interface XmpFields {
  title?: string
  caption?: string
  keywords?: string[]
  author?: string
  /** -1 (rejected) to 5. */
  rating?: number
  place?: string
  city?: string
  country?: string
  /** ISO 8601, with or without an offset. */
  taken?: string
}

/** A packet of a JPEG has at most 64 KiB; those of other formats may carry the history of an editor. */
const MAX_BYTES = 1 << 20
const DEEPEST = 40
/** Of one property; a bag of more counts up to there. */
const MAX_VALUES = 500
/** Programs declare about 20. Each element with a declaration of its own copies those around it. */
const MAX_PREFIXES = 100

const RDF = 'http://www.w3.org/1999/02/22-rdf-syntax-ns#'
const NAMESPACES = {
  dc: 'http://purl.org/dc/elements/1.1/',
  xmp: 'http://ns.adobe.com/xap/1.0/',
  photoshop: 'http://ns.adobe.com/photoshop/1.0/',
  exif: 'http://ns.adobe.com/exif/1.0/',
  iptc: 'http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/',
} as const

/** An element in fast-xml-parser's ordered form: `{ name: children, ':@': attributes }`, or `{ '#text': text }`. */
type Node = Readonly<Record<string, unknown>>

/**
 * Reads an XMP packet (ISO 16684-1). Prefixes may be any: namespaces count. Never throws.
 * @param packet XML in UTF-8
 * @returns no fields for a packet that is damaged, too large, has more than 100 prefixes, or has a document type (entities
 * could expand)
 */
export function readXmp(packet: Buffer): XmpFields {
  const xml = packet.length <= MAX_BYTES ? packet.toString('utf8') : ''
  if (xml === '' || /<!DOCTYPE|<!ENTITY/i.test(xml)) return {}
  try {
    return fieldsOf(propertiesOf(PARSER.parse(xml) as Node[]))
  } catch {
    return {}
  }
}

const PARSER = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: true,
  maxNestedTags: DEEPEST,
})

function fieldsOf(properties: ReadonlyMap<string, string[]>): XmpFields {
  const first = (namespace: keyof typeof NAMESPACES, name: string) =>
    properties.get(NAMESPACES[namespace] + name)?.find(text => text !== '')
  const rating = Number(first('xmp', 'Rating') ?? Number.NaN)
  const keywords = properties.get(`${NAMESPACES.dc}subject`)?.filter(text => text !== '')
  const fields: XmpFields = {
    title: first('dc', 'title') ?? first('photoshop', 'Headline'),
    caption: first('dc', 'description'),
    keywords: keywords?.length ? keywords : undefined,
    author: first('dc', 'creator'),
    rating: Number.isFinite(rating) ? Math.round(rating) : undefined,
    place: first('iptc', 'Location'),
    city: first('photoshop', 'City'),
    country: first('photoshop', 'Country'),
    taken: first('exif', 'DateTimeOriginal') ?? first('photoshop', 'DateCreated'),
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/**
 * The properties of all descriptions, by namespace and name: texts, and the items of bags, sequences and alternatives,
 * of which `x-default` comes first. Simple properties may be attributes.
 */
function propertiesOf(document: readonly Node[]): Map<string, string[]> {
  const properties = new Map<string, string[]>()
  const add = (name: string, values: string[]) => {
    const known = properties.get(name)
    if (known) known.push(...values.slice(0, MAX_VALUES - known.length))
    else properties.set(name, values.slice(0, MAX_VALUES))
  }
  const visit = (nodes: readonly Node[], outer: ReadonlyMap<string, string>): void => {
    for (const node of nodes) {
      const [name, children] = elementOf(node)
      if (name === undefined) continue
      const { attributes, prefixes } = attributesOf(node, outer)
      if (expand(name, prefixes) !== `${RDF}Description`) {
        visit(children, prefixes)
        continue
      }
      for (const [attribute, value] of attributes) add(expand(attribute, prefixes), [value.trim()])
      for (const child of children) {
        const [property, content] = elementOf(child)
        if (property === undefined) continue
        const inner = attributesOf(child, prefixes).prefixes
        add(expand(property, inner), valuesOf(content, inner))
      }
    }
  }
  visit(document, new Map())
  return properties
}

function valuesOf(content: readonly Node[], prefixes: ReadonlyMap<string, string>): string[] {
  const [container] = content
  const [name, items] = container ? elementOf(container) : [undefined, []]
  if (name === undefined || !/(?:Bag|Seq|Alt)$/.test(expand(name, prefixes))) return [textOf(content)]
  const texts = items.map(item => ({ text: textOf(elementOf(item)[1]), isDefault: languageOf(item) === 'x-default' }))
  return [...texts.filter(({ isDefault }) => isDefault), ...texts.filter(({ isDefault }) => !isDefault)].map(
    ({ text }) => text,
  )
}

function languageOf(item: Node): string | undefined {
  return (item[':@'] as Record<string, string> | undefined)?.['xml:lang']
}

function elementOf(node: Node): [name: string | undefined, children: readonly Node[]] {
  const name = Object.keys(node).find(key => key !== ':@' && key !== '#text')
  const children = name === undefined ? undefined : node[name]
  return [name, Array.isArray(children) ? (children as Node[]) : []]
}

function textOf(nodes: readonly Node[]): string {
  return nodes.map(node => (typeof node['#text'] === 'string' ? node['#text'] : '')).join('')
}

function attributesOf(node: Node, outer: ReadonlyMap<string, string>) {
  const all = Object.entries((node[':@'] ?? {}) as Record<string, string>)
  const attributes = all.filter(([name]) => name.includes(':') && !/^xml(?:ns)?:/.test(name))
  const declared = all.flatMap(([name, value]): [string, string][] =>
    name.startsWith('xmlns:') ? [[name.slice(6), value]] : [],
  )
  if (declared.length === 0) return { attributes, prefixes: outer }
  const prefixes = new Map([...outer, ...declared])
  if (prefixes.size > MAX_PREFIXES) throw new RangeError(`more than ${MAX_PREFIXES} prefixes`)
  return { attributes, prefixes }
}

function expand(name: string, prefixes: ReadonlyMap<string, string>): string {
  const [prefix, local] = name.includes(':') ? (name.split(':', 2) as [string, string]) : ['', name]
  return `${prefixes.get(prefix) ?? `${prefix}:`}${local}`
}
