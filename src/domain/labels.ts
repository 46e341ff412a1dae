/**
 * A zero-shot label set: each label becomes a prompt, and a photo gets the label whose prompt is nearest.
 * The score of a label is softmax over (logit scale × cosine similarity); CLIP's logit scale is 100.
 */
export interface LabelSet {
  /** Lower-case name, also the file's: `labels/taken_time.json`. */
  name: string
  /** Prompt with `{label}` in it, for instance `A photo taken at {label}`. */
  template: string
  /** At least two, in the order in which they are shown. */
  labels: string[]
}

export const LABEL_SET_NAME_PATTERN = /^[a-z][a-z0-9_]{0,62}$/

/** One prompt a label, in the order of the labels. */
export function promptsOf(set: LabelSet): string[] {
  return set.labels.map(label => set.template.replaceAll('{label}', label))
}

/** Says what is wrong with the content of a label set file, or gives the label set. */
export function parseLabelSet(value: unknown): { set: LabelSet } | { problem: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { problem: 'a JSON object was expected' }
  const { name, template, labels } = value as Record<string, unknown>
  if (typeof name !== 'string' || !LABEL_SET_NAME_PATTERN.test(name))
    return { problem: `"name" must be lower-case letters, digits and _, found ${JSON.stringify(name)}` }
  if (typeof template !== 'string' || !template.includes('{label}'))
    return { problem: `"template" must be text with {label} in it, found ${JSON.stringify(template)}` }
  if (!Array.isArray(labels) || labels.length < 2 || !labels.every(l => typeof l === 'string' && l.trim() !== ''))
    return { problem: `"labels" must be a list of at least two texts, found ${JSON.stringify(labels)}` }
  if (new Set(labels).size !== labels.length) return { problem: '"labels" holds the same label twice' }
  return { set: { name, template, labels: labels as string[] } }
}
