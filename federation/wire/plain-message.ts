/** A generated message as a plain object: what the generated code makes is one, too. */
export type Plain<M> = M extends bigint | string | number | boolean | Uint8Array | undefined
  ? M
  : M extends readonly (infer Item)[]
    ? Plain<Item>[]
    : M extends object
      ? string extends keyof M
        ? M
        : { [K in keyof M as K extends '$typeName' | '$unknown' ? never : K]: Plain<M[K]> } & {
            readonly $unknown?: readonly { readonly no: number }[] | undefined;
          }
      : M;
