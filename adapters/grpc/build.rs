//! Compiles the protocol: without `protoc`, so that a plain `cargo build` does.

use std::error::Error;
use std::path::PathBuf;

use protox::prost::Message;

const PROTOCOL: &str = "proto/inference.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo says where files go")?);
    let descriptors = protox::compile([PROTOCOL], ["proto"])?;
    // For server reflection.
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    // What a request becomes is counted while it is read, which the generated code does not do.
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .bytes(".")
        .codec_path("crate::codec::Messages")
        .extern_path(".inference.ModelInferRequest", "crate::message::InferMessage")
        .compile_fds(descriptors.clone())?;
    // The client that the tests call with, as a client's author would have it generated.
    let of_client = out.join("client");
    std::fs::create_dir_all(&of_client)?;
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .out_dir(of_client)
        .compile_fds(descriptors)?;
    Ok(())
}
