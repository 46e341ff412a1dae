/** The parts of libheif-js that are used; the package has types for another entry point only. */
declare module 'libheif-js/wasm-bundle.js' {
  interface Failure {
    /** The value of heif_error_code. */
    code: { value: number }
    message: string
  }
  interface Channel {
    id: unknown
    /** In pixels. */
    width: number
    height: number
    /** Bytes per row. */
    stride: number
    data: Uint8Array
  }
  interface LibHeif {
    heif_context_alloc(): object
    heif_context_read_from_memory(context: object, file: Uint8Array): Failure
    heif_js_context_get_primary_image_handle(context: object): object | Failure
    heif_image_handle_get_width(handle: object): number
    heif_image_handle_get_height(handle: object): number
    heif_js_decode_image2(
      handle: object,
      colours: unknown,
      chroma: unknown,
    ): { channels: Channel[] } | Failure | Promise<{ channels: Channel[] } | Failure>
    heif_colorspace: { heif_colorspace_RGB: unknown }
    heif_chroma: { heif_chroma_interleaved_RGB: unknown }
  }
  const libheif: LibHeif
  export default libheif
}
