//! Projects as files, through opendal.
