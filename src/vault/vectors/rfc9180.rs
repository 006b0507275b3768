//! The test vector of RFC 9180's authors for the suite of sealed records: mode base, KEM 0x0020, KDF 0x0001, AEAD
//! 0x0002. It is in the file of vectors that the RFC refers to; its appendix prints other suites. What the RFC
//! computes in between was computed once more from its text alone.

pub(in crate::vault) const INFO: &[u8] = b"Ode on a Grecian Urn";
pub(in crate::vault) const PLAINTEXT: &[u8] = b"Beauty is truth, truth beauty";

pub(in crate::vault) const IKM_E: &str =
    "2cd7c601cefb3d42a62b04b7a9041494c06c7843818e0ce28a8f704ae7ab20f9";
pub(in crate::vault) const IKM_R: &str =
    "dac33b0e9db1b59dbbea58d59a14e7b5896e9bdf98fad6891e99d1686492b9ee";
pub(in crate::vault) const SK_R: &str =
    "497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d";
pub(in crate::vault) const PK_R: &str =
    "430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c";
pub(in crate::vault) const ENC: &str =
    "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256";
pub(in crate::vault) const SHARED_SECRET: &str =
    "3101c54c3a4f87439eaac080699ed9bbcc726ffe44e860c0424ccb7e3e2ead7b";
pub(in crate::vault) const KEY: &str =
    "f50b0609186798729ed0564b36ef2ef8044f1f9d05636874d1f46c819c7a669f";
pub(in crate::vault) const BASE_NONCE: &str = "151d9929e2449747889bc923";

/// AAD and ciphertext of the first three messages.
pub(in crate::vault) const MESSAGES: [(&[u8], &str); 3] = [
    (
        b"Count-0",
        "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a",
    ),
    (
        b"Count-1",
        "2c43aff25343fdbff864506f0818b9d87df84ea01b1a2144d23b4d40c26bf655fdf197fe40297a8aebeed5cc2d",
    ),
    (
        b"Count-2",
        "e0a8f2cf92ff61215edbb8c55dc31fe9e2eb42a5685867bb6854211542099f9e940c4b41c192bc390835b1a5f7",
    ),
];
