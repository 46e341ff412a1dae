/** Made by web/world-outline.mjs, as paths in the units of projection.ts. */
declare module 'virtual:world-outline' {
  export const LAND: string
  export const BORDERS: string
}
