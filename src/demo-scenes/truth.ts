/** Contents of a rendered scene. The captions, the training targets and the held-out figures all come from this. */
export interface Truth {
  time: Time
  space: Space
  ground: Ground
  weather: Weather
  /** Everything a caption may name, the main object first. */
  objects: SceneObject[]
  /** Kind of the main object: the large one in the centre square of the picture. */
  main: Kind
}

export interface SceneObject {
  kind: Kind
  color: Color
}

export const TIMES = ['dawn', 'day', 'dusk', 'night'] as const
export const SPACES = ['indoor', 'outdoor'] as const
export const GROUNDS = ['snow', 'grass', 'sand', 'water', 'city', 'floor'] as const
export const WEATHERS = ['clear', 'cloudy', 'rain', 'fog', 'snowfall'] as const
export const KINDS = [
  'house',
  'tree',
  'boat',
  'mountain',
  'dog',
  'cat',
  'car',
  'flower',
  'moon',
  'balloon',
  'lighthouse',
  'bird',
  'chair',
  'cup',
  'lamp',
  'table',
] as const
export const COLORS = [
  'red',
  'blue',
  'yellow',
  'green',
  'white',
  'orange',
  'purple',
  'pink',
  'black',
  'brown',
  'grey',
] as const

/** Words that stand for several kinds. */
export const CLASSES = {
  animal: ['dog', 'cat', 'bird'],
  pet: ['dog', 'cat'],
  vehicle: ['car', 'boat'],
  building: ['house', 'lighthouse'],
  plant: ['tree', 'flower'],
  furniture: ['chair', 'table', 'lamp'],
} as const satisfies Record<string, readonly (typeof KINDS)[number][]>

export type Time = (typeof TIMES)[number]
export type Space = (typeof SPACES)[number]
export type Ground = (typeof GROUNDS)[number]
export type Weather = (typeof WEATHERS)[number]
export type Kind = (typeof KINDS)[number]
export type Color = (typeof COLORS)[number]
export type Class = keyof typeof CLASSES

/** A conjunction of statements about a scene, from a caption or a text query. */
export interface Facts {
  time?: Time
  space?: Space
  ground?: Ground
  weather?: Weather
  objects?: { kind: Kind; color?: Color }[]
  class?: Class
}

/** The atoms that hold for a scene, such as `time:night`, `kind:boat` and `kind:boat:red`. */
export function atomsOfTruth(truth: Truth): Set<string> {
  const atoms = new Set([
    `time:${truth.time}`,
    `space:${truth.space}`,
    `ground:${truth.ground}`,
    `weather:${truth.weather}`,
    `main:${truth.main}`,
  ])
  for (const { kind, color } of truth.objects) {
    atoms.add(`kind:${kind}`)
    atoms.add(`kind:${kind}:${color}`)
    for (const name of classesOf(kind)) atoms.add(`class:${name}`)
  }
  return atoms
}

/** The classes that a kind belongs to. */
export function classesOf(kind: Kind): Class[] {
  const names = Object.keys(CLASSES) as Class[]
  return names.filter(name => (CLASSES[name] as readonly Kind[]).includes(kind))
}

/** The atoms that a conjunction asks for, in the spelling of {@link atomsOfTruth}. */
export function atomsOfFacts(facts: Facts): string[] {
  const atoms: string[] = []
  if (facts.time) atoms.push(`time:${facts.time}`)
  if (facts.space) atoms.push(`space:${facts.space}`)
  if (facts.ground) atoms.push(`ground:${facts.ground}`)
  if (facts.weather) atoms.push(`weather:${facts.weather}`)
  if (facts.class) atoms.push(`class:${facts.class}`)
  for (const { kind, color } of facts.objects ?? []) atoms.push(color ? `kind:${kind}:${color}` : `kind:${kind}`)
  return atoms
}

/** Whether everything that `facts` states holds for the scene. */
export function holds(facts: Facts, truth: Truth): boolean {
  const atoms = atomsOfTruth(truth)
  return atomsOfFacts(facts).every(atom => atoms.has(atom))
}
