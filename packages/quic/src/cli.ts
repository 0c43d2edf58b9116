import type { CliPlane } from "@king-runtime/core";
import { quicErrors } from "./errors.ts";
import { quicSection } from "./limits.ts";
import { engineNames, openQuicEngine } from "./open-quic-engine.ts";

/** What the `king` command knows of this plane. */
export const plane: CliPlane = {
  name: "quic",
  sections: [quicSection],
  commands: [
    {
      name: "engines",
      summary: "Tells which engines are installed, and what each can do",
      async run({ stdout }) {
        for (const name of engineNames) stdout.write(`${name}: ${await toldOf(name)}\n`);
        return 0;
      },
    },
  ],
};

async function toldOf(engine: (typeof engineNames)[number]): Promise<string> {
  try {
    return [...(await openQuicEngine({ engine })).capabilities].join(", ");
  } catch (error) {
    if (quicErrors.is(error, "KING_QUIC_ENGINE_MISSING")) return error.message;
    throw error;
  }
}
