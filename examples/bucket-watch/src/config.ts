import { defineSection, integerKey, listKey, stringKey } from "@king-runtime/core";

/** Settings of this application; limits are in the sections of the planes. */
export const bucketWatchSection = defineSection(
  "bucketWatch",
  {
    host: stringKey({ default: "127.0.0.1", doc: "Address to listen on." }),
    port: integerKey({ default: 8080, max: 65_535, unit: "port", doc: "0 takes a free one." }),
    allowedHosts: listKey({
      default: [],
      doc: "Hosts that are answered beside those of loopback, without scheme and port; with none, on an address beyond loopback, any is.",
    }),
    storagePath: stringKey({
      default: "storage",
      doc: "Folder of the stored objects, made if need be.",
    }),
    tlsCertPath: stringKey({
      default: undefined,
      doc: "File of the certificate chain in PEM; with it HTTP/2 and HTTP/1.1 over TLS.",
    }),
    tlsKeyPath: stringKey({ default: undefined, doc: "File of the certificate's key in PEM." }),
  },
  { doc: "The bucket-watch application." },
);
