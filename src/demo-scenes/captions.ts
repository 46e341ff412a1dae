import type { Random } from './random.js'
import type { Color, Facts, Ground, Kind, SceneObject, Space, Time, Truth, Weather } from './truth.js'
import { classesOf } from './truth.js'

/** A sentence and its exact statements, to check it against any scene. */
export interface Caption {
  text: string
  facts: Facts
}

const NOUNS: Record<Kind, readonly string[]> = {
  house: ['house', 'house', 'house', 'cottage', 'cabin', 'hut'],
  tree: ['tree'],
  boat: ['boat', 'boat', 'boat', 'sailboat', 'sailing boat', 'ship', 'yacht'],
  mountain: ['mountain', 'mountain', 'mountain range', 'mountain peak'],
  dog: ['dog', 'dog', 'dog', 'puppy', 'hound'],
  cat: ['cat', 'cat', 'cat', 'kitten'],
  car: ['car', 'car', 'car', 'automobile'],
  flower: ['flower', 'flower', 'blossom', 'bouquet'],
  moon: ['moon', 'moon', 'big moon', 'bright moon'],
  balloon: ['balloon'],
  lighthouse: ['lighthouse'],
  bird: ['bird', 'bird', 'flying bird'],
  chair: ['chair', 'chair', 'armchair', 'seat'],
  cup: ['cup', 'cup', 'mug', 'cup of coffee', 'cup of tea'],
  lamp: ['lamp', 'lamp', 'floor lamp'],
  table: ['table', 'table', 'wooden table'],
}

const PLURALS: Record<Kind, string> = {
  house: 'houses',
  tree: 'trees',
  boat: 'boats',
  mountain: 'mountains',
  dog: 'dogs',
  cat: 'cats',
  car: 'cars',
  flower: 'flowers',
  moon: 'moon',
  balloon: 'balloons',
  lighthouse: 'lighthouses',
  bird: 'birds',
  chair: 'chairs',
  cup: 'cups',
  lamp: 'lamps',
  table: 'tables',
}

/** Kinds that come in one colour only, which a caption therefore leaves out. */
const UNCOLORED: readonly Kind[] = ['mountain', 'moon', 'lamp', 'table']

const COLOR_WORDS: Partial<Record<Color, readonly string[]>> = {
  grey: ['grey', 'gray'],
  purple: ['purple', 'purple', 'violet'],
}

const GROUND_PHRASES: Record<Ground, readonly string[]> = {
  snow: ['in the snow', 'in the snow', 'on snow', 'in a snowy landscape', 'in winter', 'in deep snow'],
  grass: [
    'on the grass',
    'on grass',
    'in a meadow',
    'in a green field',
    'on a lawn',
    'on a green meadow',
    'in the grass',
  ],
  sand: ['on the sand', 'on sand', 'on a beach', 'on the beach', 'in the desert', 'on a sandy beach', 'in the sand'],
  water: [
    'on the water',
    'on water',
    'at sea',
    'on a lake',
    'by the sea',
    'on the ocean',
    'over the water',
    'on the sea',
  ],
  city: ['in the city', 'in a city', 'on a street', 'in town', 'in front of a skyline', 'on the road', 'in the street'],
  floor: ['in a room', 'indoors', 'inside', 'in a living room', 'inside a house', 'on the floor of a room', 'at home'],
}

const GROUND_NOUNS: Record<Ground, readonly string[]> = {
  snow: ['snow', 'a snowy landscape', 'a winter landscape', 'a snowy field', 'winter'],
  grass: ['grass', 'a meadow', 'a green field', 'a green meadow', 'a lawn'],
  sand: ['sand', 'a beach', 'a sandy beach', 'the desert', 'a desert'],
  water: ['water', 'the sea', 'a lake', 'the ocean', 'the water'],
  city: ['a city', 'the city', 'a street', 'a town', 'a city skyline', 'a road'],
  floor: ['a room', 'a living room', 'an interior', 'the inside of a house'],
}

const TIME_PHRASES: Record<Time, readonly string[]> = {
  dawn: ['at dawn', 'at dawn', 'at sunrise', 'in the early morning', 'at daybreak', 'in the morning'],
  day: ['by day', 'during the day', 'at day', 'at noon', 'in daylight', 'in the daytime', 'at midday'],
  dusk: ['at dusk', 'at dusk', 'at sunset', 'in the evening', 'in the evening light'],
  night: ['at night', 'at night', 'by night', 'in the dark', 'at midnight', 'in the night'],
}

const TIME_NOUNS: Record<Time, readonly string[]> = {
  dawn: ['dawn', 'sunrise', 'early morning', 'daybreak', 'morning'],
  day: ['day', 'daytime', 'daylight', 'noon', 'midday'],
  dusk: ['dusk', 'sunset', 'evening'],
  night: ['night', 'midnight', 'night time', 'darkness'],
}

const SPACE_NOUNS: Record<Space, readonly string[]> = {
  indoor: ['indoor', 'indoors', 'inside', 'an indoor scene', 'an interior'],
  outdoor: ['outdoor', 'outdoors', 'outside', 'an outdoor scene', 'a landscape'],
}

const WEATHER_PHRASES: Record<Weather, readonly string[]> = {
  clear: ['under a clear sky', 'in clear weather'],
  cloudy: ['under a cloudy sky', 'under clouds', 'in cloudy weather'],
  rain: ['in the rain', 'in rain', 'in rainy weather', 'while it rains'],
  fog: ['in the fog', 'in fog', 'in foggy weather', 'in thick fog'],
  snowfall: ['while it snows', 'in falling snow', 'during snowfall', 'in a snowstorm'],
}

const WEATHER_NOUNS: Record<Weather, readonly string[]> = {
  clear: ['a clear sky', 'clear weather'],
  cloudy: ['a cloudy sky', 'clouds', 'cloudy weather'],
  rain: ['rain', 'a rainy scene', 'rainy weather'],
  fog: ['fog', 'a foggy scene', 'foggy weather'],
  snowfall: ['snowfall', 'falling snow', 'a snowstorm'],
}

const LEADS = [
  '',
  '',
  '',
  'a photo of ',
  'a photo of ',
  'a picture of ',
  'an image of ',
  'a scene with ',
  'a drawing of ',
]

/** Five captions of a scene, the most complete one first. */
export function describe(truth: Truth, random: Random): string[] {
  const forms = [
    () => placed(truth, random),
    () => timed(truth, random),
    () => weathered(truth, random),
    () => named(truth, random),
  ]
  return [complete(truth, random, true), ...forms.map(form => form())].map(({ text }) => sentence(text))
}

/** Captions for training: from one word to a whole sentence, about any mix of what the scene shows. */
export function trainingCaptions(truth: Truth, random: Random, count: number): Caption[] {
  const forms = {
    complete: 8,
    named: 20,
    placed: 18,
    timed: 18,
    weathered: 6,
    setting: 6,
    hour: 12,
    space: 9,
    land: 4,
    sky: 4,
    pair: 5,
    general: 4,
  }
  const makers: Record<keyof typeof forms, (truth: Truth, random: Random) => Caption> = {
    complete,
    named,
    placed,
    timed,
    weathered,
    setting,
    hour,
    space,
    land,
    sky,
    pair,
    general,
  }
  return Array.from({ length: count }, () => makers[random.weighted<keyof typeof forms>(forms)](truth, random))
}

/** `plain` gives the sentence that people read beside the picture: no lead, and an article before every noun. */
function complete(truth: Truth, random: Random, plain = false): Caption {
  const subject = truth.objects[0] as SceneObject
  const other = truth.objects.find(({ kind }) => kind !== subject.kind && !(kind === 'moon' && truth.main === 'moon'))
  const object = noun(subject, truth, random, true, plain)
  const time = random.pick(TIME_PHRASES[truth.time])
  const ground = random.pick(GROUND_PHRASES[truth.ground])
  const showWeather = truth.space === 'outdoor' && truth.weather !== 'clear' && random.chance(0.7)
  const company = other && random.chance(0.7) ? noun(other, truth, random, false, plain) : undefined
  const text = [
    (plain ? '' : random.pick(LEADS)) + object.text,
    ground,
    time,
    showWeather ? random.pick(WEATHER_PHRASES[truth.weather]) : '',
    company ? `with ${company.text}` : '',
  ]
  const facts: Facts = { time: truth.time, ground: truth.ground, objects: [object.fact] }
  if (showWeather) facts.weather = truth.weather
  if (company) facts.objects = [object.fact, company.fact]
  return { text: text.filter(Boolean).join(' '), facts }
}

/** An object alone: "a photo of a cat", "red house", "boats". */
function named(truth: Truth, random: Random): Caption {
  const object = noun(anyObject(truth, random), truth, random, random.chance(0.6))
  return { text: random.pick(LEADS) + object.text, facts: { objects: [object.fact] } }
}

function placed(truth: Truth, random: Random): Caption {
  const object = noun(anyObject(truth, random), truth, random, random.chance(0.6))
  const text = `${random.pick(LEADS)}${object.text} ${random.pick(GROUND_PHRASES[truth.ground])}`
  return { text, facts: { ground: truth.ground, objects: [object.fact] } }
}

function timed(truth: Truth, random: Random): Caption {
  const object = noun(anyObject(truth, random), truth, random, random.chance(0.4))
  const text = `${random.pick(LEADS)}${object.text} ${random.pick(TIME_PHRASES[truth.time])}`
  return { text, facts: { time: truth.time, objects: [object.fact] } }
}

function weathered(truth: Truth, random: Random): Caption {
  if (truth.space === 'indoor') return placed(truth, random)
  const object = noun(anyObject(truth, random), truth, random, random.chance(0.4))
  const text = `${random.pick(LEADS)}${object.text} ${random.pick(WEATHER_PHRASES[truth.weather])}`
  return { text, facts: { weather: truth.weather, space: 'outdoor', objects: [object.fact] } }
}

/** Ground and hour without an object: "the sea at dusk". */
function setting(truth: Truth, random: Random): Caption {
  const text = `${random.pick(LEADS)}${random.pick(GROUND_NOUNS[truth.ground])} ${random.pick(TIME_PHRASES[truth.time])}`
  return { text, facts: { ground: truth.ground, time: truth.time } }
}

function hour(truth: Truth, random: Random): Caption {
  const phrase = random.pick(TIME_PHRASES[truth.time])
  const label = random.pick(TIME_NOUNS[truth.time])
  const forms = [
    `a photo taken at ${truth.time}`,
    `a photo taken ${phrase}`,
    `a scene ${phrase}`,
    `taken ${phrase}`,
    phrase,
    label,
    `a photo of ${label}`,
  ]
  return { text: random.pick(forms), facts: { time: truth.time } }
}

function space(truth: Truth, random: Random): Caption {
  const label = random.pick(SPACE_NOUNS[truth.space])
  const forms = [
    `a photo taken ${truth.space}`,
    `a photo taken ${truth.space}s`,
    `taken ${truth.space}`,
    label,
    `a photo of ${label}`,
    `an ${truth.space} photo`,
  ]
  return { text: random.pick(forms), facts: { space: truth.space } }
}

function land(truth: Truth, random: Random): Caption {
  return { text: random.pick(LEADS) + random.pick(GROUND_NOUNS[truth.ground]), facts: { ground: truth.ground } }
}

function sky(truth: Truth, random: Random): Caption {
  if (truth.space === 'indoor') return land(truth, random)
  return {
    text: random.pick(LEADS) + random.pick(WEATHER_NOUNS[truth.weather]),
    facts: { weather: truth.weather, space: 'outdoor' },
  }
}

function pair(truth: Truth, random: Random): Caption {
  const subject = truth.objects[0] as SceneObject
  const other = truth.objects.find(({ kind }) => kind !== subject.kind)
  if (!other) return placed(truth, random)
  const first = noun(subject, truth, random, random.chance(0.5))
  const second = noun(other, truth, random, false)
  const text = `${random.pick(LEADS)}${first.text} ${random.pick(['and', 'with'])} ${second.text}`
  return { text, facts: { objects: [first.fact, second.fact] } }
}

/** "An animal in the snow": a word for several kinds. */
function general(truth: Truth, random: Random): Caption {
  const classes = classesOf(truth.main)
  if (classes.length === 0) return named(truth, random)
  const name = random.pick(classes)
  const article = name === 'furniture' ? '' : name === 'animal' ? 'an ' : 'a '
  const words = random.pick(LEADS) + article + name
  if (random.chance(0.4)) return { text: words, facts: { class: name } }
  if (random.chance(0.5)) {
    return { text: `${words} ${random.pick(TIME_PHRASES[truth.time])}`, facts: { class: name, time: truth.time } }
  }
  return { text: `${words} ${random.pick(GROUND_PHRASES[truth.ground])}`, facts: { class: name, ground: truth.ground } }
}

function anyObject(truth: Truth, random: Random): SceneObject {
  return random.chance(0.8) ? (truth.objects[0] as SceneObject) : random.pick(truth.objects)
}

function noun(
  { kind, color }: SceneObject,
  { ground, space: where }: Truth,
  random: Random,
  withColor: boolean,
  plain = false,
): { text: string; fact: { kind: Kind; color?: Color } } {
  const colored = withColor && !UNCOLORED.includes(kind)
  let words = random.pick(NOUNS[kind])
  if (kind === 'tree' && ground === 'snow' && random.chance(0.4)) words = random.pick(['pine tree', 'fir tree'])
  if (kind === 'tree' && ground === 'sand' && random.chance(0.4)) words = 'palm tree'
  if (kind === 'balloon' && random.chance(0.4)) words = where === 'outdoor' ? 'hot air balloon' : 'party balloon'
  const plural = random.chance(0.12) && !plain
  if (plural) words = PLURALS[kind]
  const color_ = colored ? random.pick(COLOR_WORDS[color] ?? [color]) : ''
  const phrase = color_ ? `${color_} ${words}` : words
  const article = kind === 'moon' ? 'the ' : plural ? '' : /^[aeiou]/.test(phrase) ? 'an ' : 'a '
  const text = random.chance(0.15) && !plain ? phrase : article + phrase
  return { text, fact: colored ? { kind, color } : { kind } }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
