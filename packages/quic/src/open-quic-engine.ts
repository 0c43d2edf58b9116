import { optionError, type QuicCapability, type QuicEngine } from "@king-runtime/core";
import { openCurrentSpaceEngine } from "./current-space/engine.ts";
import { quicErrors } from "./errors.ts";
import { checkCapabilities, type QuicEngineOptions } from "./limits.ts";
import { openMatrixEngine } from "./matrix/engine.ts";

/** Engines there are, the one that is taken by default first. */
const openers = { currentspace: openCurrentSpaceEngine, matrix: openMatrixEngine };

export const engineNames = Object.keys(openers) as (keyof typeof openers)[];

/** What may be asked of an engine; some of it no engine here has. */
const knownCapabilities: readonly QuicCapability[] = [
  "datagrams",
  "resumption",
  "shared-tickets",
  "client-certificates",
  "migration",
  "flow-control",
  "loss-statistics",
  "early-data",
  "qlog",
  "keylog",
  "xdp",
  "busy-poll",
];

/** Options of {@link openQuicEngine}; those of an engine may be given too. */
export interface OpenQuicEngineOptions extends QuicEngineOptions {
  /** @default the first that is installed and has what `needs` names: currentspace, then matrix */
  engine?: keyof typeof openers;
  /** What the engine must be able to do. @default nothing beyond streams */
  needs?: readonly QuicCapability[];
}

/**
 * Opens a QUIC engine that has what is needed, by `needs` and by options such as `ticketSecret`. Engines are packages of their own, which are loaded here.
 *
 * @throws {KingError} KING_QUIC_CAPABILITY when none that is installed has it; KING_QUIC_ENGINE_MISSING;
 * KING_OPTION_INVALID, KING_CONFIG_LOCKED.
 */
export async function openQuicEngine(options: OpenQuicEngineOptions = {}): Promise<QuicEngine> {
  const { engine, needs = [], ...own } = options;
  checkNeeds(needs);
  if (engine !== undefined && !Object.hasOwn(openers, engine)) {
    throw optionError("engine", `expected one of ${engineNames.join(", ")}`);
  }
  const names = engine === undefined ? engineNames : [engine];
  let missing: unknown;
  let lack: { readonly engine: string; readonly capability: string } | undefined;
  for (const name of names) {
    try {
      const opened = await openers[name](own);
      checkCapabilities(opened, needs);
      return opened;
    } catch (error) {
      if (quicErrors.is(error, "KING_QUIC_ENGINE_MISSING")) missing ??= error;
      else if (quicErrors.is(error, "KING_QUIC_CAPABILITY")) lack = error.details;
      else throw error;
    }
  }
  if (lack === undefined) throw missing;
  const which =
    engine === undefined ? "no engine that is installed" : `the engine ${engine} does not`;
  const message = `${which} has ${lack.capability}`;
  throw quicErrors.create("KING_QUIC_CAPABILITY", message, lack, { cause: missing });
}

function checkNeeds(needs: readonly string[]): void {
  if (!Array.isArray(needs)) throw optionError("needs", "expected a list of capabilities");
  const unknown = needs.find((each) => !(knownCapabilities as readonly string[]).includes(each));
  if (unknown !== undefined) {
    throw optionError("needs", `expected some of ${knownCapabilities.join(", ")}, got ${unknown}`);
  }
}
