declare module 'he' {
  /** Decodes the character references of a text by the rules of HTML 5. */
  export function decode(text: string): string
}
